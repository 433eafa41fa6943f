package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// deps.txt says why each module is there that the code imports itself. Whoever adds
// one adds its line.
func TestModulesAreReviewed(t *testing.T) {
	command := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json")
	command.Dir = root
	printed, err := command.Output()
	require.NoError(t, err)
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Replace []struct{}
	}
	require.NoError(t, json.Unmarshal(printed, &mod))
	require.Empty(t, mod.Replace, "a release is of published modules")
	var direct []string
	for _, m := range mod.Require {
		if !m.Indirect {
			direct = append(direct, m.Path)
		}
	}

	text, err := os.ReadFile(filepath.Join(root, "deps.txt"))
	require.NoError(t, err)
	var reviewed []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		path, why, found := strings.Cut(strings.TrimSpace(line), "  ")
		require.True(t, found, "%q: a module, two blanks, and why it is there", line)
		require.NotEmpty(t, strings.TrimSpace(why), line)
		reviewed = append(reviewed, path)
	}
	require.Equal(t, direct, reviewed, "deps.txt has the direct requirements of go.mod, in their order")
}
