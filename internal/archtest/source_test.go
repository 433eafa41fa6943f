package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/cambio-sts/cambio"

// source is one Go file of the module.
type source struct {
	file      string // relative to the module's root, with slashes
	imports   []string
	lines     int
	test      bool // a _test.go file
	generated bool
	doc       bool // has a package comment
}

// pkg returns the path of the file's package inside the module.
func (s source) pkg() string { return path.Dir(s.file) }

// root opens the module's root.
func root(t *testing.T) fs.FS {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for !isRoot(dir) {
		require.NotEqual(t, dir, filepath.Dir(dir), "no go.mod of %s above the test", modulePath)
		dir = filepath.Dir(dir)
	}
	return os.DirFS(dir)
}

func isRoot(dir string) bool {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && strings.HasPrefix(string(mod), "module "+modulePath+"\n")
}

// walk calls visit with every file that a reader of the project sees.
func walk(t *testing.T, tree fs.FS, visit func(file string)) {
	t.Helper()
	require.NoError(t, fs.WalkDir(tree, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); slices.Contains([]string{".git", ".bin", "node_modules", "rapid"}, name) { // what git ignores
				return fs.SkipDir
			}
			return nil
		}
		if entry.Type().IsRegular() {
			visit(file)
		}
		return nil
	}))
}

// sources parses the imports of the module's Go files, nested modules and
// testdata left out.
func sources(t *testing.T, tree fs.FS) []source {
	t.Helper()
	var nested []string
	walk(t, tree, func(file string) {
		if dir, name := path.Split(file); name == "go.mod" && dir != "" {
			nested = append(nested, dir)
		}
	})
	var all []source
	walk(t, tree, func(file string) {
		if path.Ext(file) != ".go" || strings.Contains("/"+file, "/testdata/") {
			return
		}
		for _, dir := range nested {
			if strings.HasPrefix(file, dir) {
				return
			}
		}
		all = append(all, parse(t, tree, file))
	})
	require.NotEmpty(t, all)
	return all
}

func parse(t *testing.T, tree fs.FS, file string) source {
	t.Helper()
	text, err := fs.ReadFile(tree, file)
	require.NoError(t, err)
	parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly|parser.ParseComments)
	require.NoError(t, err)
	s := source{
		file:      file,
		lines:     strings.Count(string(text), "\n"),
		test:      strings.HasSuffix(file, "_test.go"),
		generated: ast.IsGenerated(parsed),
		doc:       parsed.Doc.Text() != "",
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		s.imports = append(s.imports, imported)
	}
	return s
}
