package compose

import (
	"debug/elf"
	"encoding/json"
	"net"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// instructions returns the arguments of the Dockerfile's instructions of one
// kind, in order.
func instructions(t *testing.T, kind string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(strings.ReplaceAll(read(t, "Dockerfile"), "\\\n", " ")) {
		if arguments, ok := strings.CutPrefix(line, kind+" "); ok {
			found = append(found, strings.TrimSpace(arguments))
		}
	}
	require.NotEmpty(t, found, kind)
	return found
}

func TestImage(t *testing.T) {
	shell := testenv.Need(t, "sh")
	out := t.TempDir()
	for _, run := range instructions(t, "RUN") {
		if run == "go mod download" {
			continue // the build beneath it finds the modules where this test's own build did
		}
		command := exec.CommandContext(t.Context(), shell, "-c", strings.ReplaceAll(run, "/out/", out+"/"))
		command.Dir = root
		output, err := command.CombinedOutput()
		require.NoError(t, err, "%s\n%s", run, output)
	}

	binary := requireCopied(t, out)
	var entrypoint, arguments []string
	require.NoError(t, json.Unmarshal([]byte(instructions(t, "ENTRYPOINT")[0]), &entrypoint))
	require.NoError(t, json.Unmarshal([]byte(instructions(t, "CMD")[0]), &arguments))
	require.Equal(t, []string{"/usr/local/bin/cambio"}, entrypoint)
	output, err := exec.CommandContext(t.Context(), binary, append(arguments, "--help")...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "\n  cambio "+strings.Join(arguments, " ")+" [flags]\n")

	version, err := exec.CommandContext(t.Context(), binary, "version").Output()
	require.NoError(t, err)
	require.Contains(t, string(version), " v"+strings.TrimSpace(read(t, "VERSION"))+"\n")

	if runtime.GOOS == "linux" {
		program, err := elf.Open(binary)
		require.NoError(t, err)
		libraries, err := program.ImportedLibraries()
		require.NoError(t, err)
		require.Empty(t, libraries, "the image has none")
		require.NoError(t, program.Close())
	}
}

// requireCopied checks that what the image copies is there: in the repository,
// or in the folder that stands for /out. It returns the binary.
func requireCopied(t *testing.T, out string) string {
	t.Helper()
	binary := ""
	for _, paths := range instructions(t, "COPY") {
		fields := strings.Fields(paths)
		from := root
		for strings.HasPrefix(fields[0], "--") {
			if fields[0] == "--from=build" {
				from = out
			}
			fields = fields[1:]
		}
		target := fields[len(fields)-1]
		for _, source := range fields[:len(fields)-1] {
			file := filepath.Join(from, strings.TrimPrefix(source, "/out/"))
			_, err := filepath.EvalSymlinks(file)
			require.NoError(t, err, paths)
			if target == "/usr/local/bin/cambio" {
				binary = file
			}
		}
	}
	require.NotEmpty(t, binary)
	return binary
}

func TestImageAgreesWithTheRest(t *testing.T) {
	for _, image := range instructions(t, "FROM") {
		_, tag, _ := strings.Cut(strings.Fields(image)[0], ":")
		require.NotContains(t, []string{"", "latest"}, tag, image)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))
	require.NotNil(t, version)
	require.Equal(t, "golang:"+version[1]+" AS build", instructions(t, "FROM")[0])
	require.Equal(t, []string{"nonroot"}, instructions(t, "USER"))

	configured := readSettings(t)
	_, public, err := net.SplitHostPort(configured.Listen.Addr)
	require.NoError(t, err)
	_, admin, err := net.SplitHostPort(configured.Listen.AdminAddr)
	require.NoError(t, err)
	require.Equal(t, []string{public + " " + admin}, instructions(t, "EXPOSE"))
}

// What a local run leaves in the checkout, its master key first of all, gets
// neither into an image's build nor into a commit.
func TestLocalRunIsIgnored(t *testing.T) {
	dir := t.TempDir()
	command := exec.CommandContext(t.Context(), testenv.Binary(t), "init")
	command.Dir, command.Env = dir, environment()
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, left)
	for _, file := range append(left, "audit") {
		name := filepath.Base(file)
		require.True(t, ignored(t, ".dockerignore", name), "%s in .dockerignore", name)
		require.True(t, ignored(t, ".gitignore", name), "%s in .gitignore", name)
	}
}

// ignored reports whether a pattern of the file takes a name in the top folder.
func ignored(t *testing.T, file, name string) bool {
	t.Helper()
	for line := range strings.Lines(read(t, file)) {
		pattern := strings.Trim(strings.TrimPrefix(strings.TrimSpace(line), "**/"), "/")
		if matched, err := path.Match(pattern, name); err == nil && matched && !strings.HasPrefix(pattern, "#") {
			return true
		}
	}
	return false
}
