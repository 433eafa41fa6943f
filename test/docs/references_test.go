package docs

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

var (
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	heading    = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	makeTarget = regexp.MustCompile(`^make ([a-z-]+)\b`)
	word       = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
)

func TestLinks(t *testing.T) {
	for _, d := range documents(t) {
		for _, found := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(d.prose, ""), -1) {
			requireTarget(t, d, found[1])
		}
	}
}

// requireTarget checks a link to a file of the repository, and to its heading.
func requireTarget(t *testing.T, d document, target string) {
	t.Helper()
	if strings.Contains(target, "://") {
		return
	}
	name, anchor, hasAnchor := strings.Cut(target, "#")
	file := filepath.Join(root, d.name)
	if name != "" {
		file = filepath.Join(root, filepath.Dir(d.name), name)
	}
	_, err := os.Stat(file)
	require.NoError(t, err, "%s: the link to %s", d.name, target)
	if hasAnchor {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, slugs(string(text)), anchor, "%s: the link to %s", d.name, target)
	}
}

// slugs are the anchors of a document's headings.
func slugs(text string) []string {
	var found []string
	for _, title := range heading.FindAllStringSubmatch(text, -1) {
		slug := notInSlug.ReplaceAllString(strings.ToLower(title[1]), "")
		found = append(found, strings.ReplaceAll(slug, " ", "-"))
	}
	return found
}

// Recipes and runbooks have indexes of their own, which the README leads to.
func TestReadmeLeadsEverywhere(t *testing.T) {
	read := func(dir string) string {
		text, err := os.ReadFile(filepath.Join(root, dir, "README.md"))
		require.NoError(t, err)
		return string(text)
	}
	readme, indexes := read(""), map[string]string{}
	for _, dir := range []string{"docs/integrations/", "docs/runbooks/"} {
		indexes[dir] = read(dir)
	}
	for _, d := range documents(t) {
		dir, name := path.Split(d.name)
		if strings.Contains(indexes[dir], "]("+name+")") {
			continue
		}
		if strings.HasPrefix(d.name, "docs/") {
			require.Contains(t, readme, "]("+d.name+")")
		}
	}
}

// spans are the texts between backticks of all manuals.
func spans(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, d := range documents(t) {
		if !d.isManual() {
			continue
		}
		for _, span := range codeSpan.FindAllStringSubmatch(d.prose, -1) {
			found[d.name] = append(found[d.name], span[1])
		}
	}
	return found
}

func TestMakeTargets(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	for name, texts := range spans(t) {
		for _, text := range texts {
			if target := makeTarget.FindStringSubmatch(text); target != nil {
				require.Contains(t, string(makefile), "\n"+target[1]+": ", "%s: `%s`", name, text)
			}
		}
	}
}

// A command of the product that is named in running text exists, and so do its
// flags.
func TestNamedCommands(t *testing.T) {
	for name, texts := range spans(t) {
		for _, text := range texts {
			if strings.HasPrefix(text, "cambio ") && !strings.Contains(text, "…") {
				t.Run(name+"/"+text, func(t *testing.T) { requireCommand(t, strings.Fields(text)[1:]) })
			}
		}
	}
}

func requireCommand(t *testing.T, words []string) {
	t.Helper()
	var path, flags []string
	for _, text := range words {
		switch {
		case strings.HasPrefix(text, "--"):
			flag, _, _ := strings.Cut(text, "=")
			flags = append(flags, flag)
		case word.MatchString(text) && len(flags) == 0:
			path = append(path, text)
		}
	}
	help, err := exec.CommandContext(t.Context(), testenv.Binary(t), append(path, "--help")...).CombinedOutput()
	require.NoError(t, err, "%s", help)
	require.Contains(t, string(help), "\n  cambio "+strings.Join(path, " ")+" ", "its usage")
	for _, flag := range flags {
		require.Contains(t, string(help), flag+" ")
	}
}
