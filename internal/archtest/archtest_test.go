package archtest_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// maxLines bounds a file outside tests. Three hundred is what to aim at.
const maxLines = 500

func TestArrows(t *testing.T) {
	for _, problem := range badArrows(sources(t, root(t)), arrows) {
		t.Errorf("%s: no row of the table allows this import.\n"+
			"Imports point inward: who needs something declares the port, who has it implements it.\n"+
			"If the arrow is right all the same, add it with its reason to arrows in internal/archtest/table_test.go.", problem)
	}
}

// TestTheSDKStandsAlone: who uses verify depends on nothing else of the module,
// and nothing but an example uses it.
func TestTheSDKStandsAlone(t *testing.T) {
	for _, s := range sources(t, root(t)) {
		for _, to := range ours(s) {
			from, inside := covers("verify/...", s.pkg()), covers("verify/...", to)
			if !from && !covers("examples/...", s.pkg()) && !covers("bench/...", s.pkg()) {
				require.False(t, inside, "%s imports %s: the product checks tokens by keys", s.file, to)
			}
			if from || covers("examples/...", s.pkg()) {
				require.True(t, inside, "%s imports %s: the SDK imports nothing of ours", s.file, to)
			}
		}
	}
}

func TestNoArrowIsUnused(t *testing.T) {
	for _, row := range unusedArrows(sources(t, root(t)), arrows) {
		t.Errorf("no file of %s imports %s: remove the row from arrows in internal/archtest/table_test.go", row.from, row.to)
	}
}

func TestThirdPartyModulesStayAtHome(t *testing.T) {
	for _, problem := range strays(sources(t, root(t)), homes) {
		t.Errorf("%s.\nThe table is homes in internal/archtest/table_test.go.", problem)
	}
}

func TestEveryPackageIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t, root(t)) {
		documented[s.pkg()] = documented[s.pkg()] || path.Base(s.file) == "doc.go" && s.doc
	}
	for pkg, ok := range documented {
		require.True(t, ok, "%s has no doc.go with a package comment: what it owns, what it refuses to know, its flow", pkg)
	}
}

func TestNoFileIsTooLong(t *testing.T) {
	for _, s := range sources(t, root(t)) {
		if !s.test && !s.generated {
			require.LessOrEqual(t, s.lines, maxLines, "%s holds more than one idea: split it", s.file)
		}
	}
}

func TestNoFileNamesAPathOfOneMachine(t *testing.T) {
	tree := root(t)
	walk(t, tree, func(file string) {
		if strings.HasPrefix(file, "docs/") {
			return
		}
		text, err := fs.ReadFile(tree, file)
		require.NoError(t, err)
		if binary := bytes.IndexByte(text, 0) >= 0; !binary {
			require.Empty(t, machinePaths(text), "%s names a path that only one machine has", file)
		}
	})
}

func TestBadArrows(t *testing.T) {
	table := []arrow{{"door", "domain", "asks it"}, {"cmd/...", "...", "wires"}}
	files := func(file, imported string) []source {
		return []source{{file: file, imports: []string{"fmt", modulePath + "/" + imported}, test: strings.HasSuffix(file, "_test.go")}}
	}
	for name, tc := range map[string]struct {
		given []source
		bad   bool
	}{
		"a row allows it":          {given: files("door/a.go", "domain")},
		"the other way round":      {given: files("domain/a.go", "door"), bad: true},
		"a package below":          {given: files("door/sub/a.go", "domain"), bad: true},
		"a longer name":            {given: files("doors/a.go", "domain"), bad: true},
		"a test":                   {given: files("domain/a_test.go", "door")},
		"a wildcard":               {given: files("cmd/x/a.go", "domain")},
		"a wildcard and below cmd": {given: files("cmd/x/a.go", "cmd/x/sub")},
		"something below cmd":      {given: files("door/a.go", "cmd/x/sub"), bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.bad, len(badArrows(tc.given, table)) > 0)
		})
	}
}

func TestUnusedArrows(t *testing.T) {
	table := []arrow{{"door", "domain", "asks it"}, {"cmd/...", "...", "wires"}}
	domain := source{file: "domain/a.go"}
	importing := source{file: "door/a.go", imports: []string{modulePath + "/domain"}}
	require.Empty(t, unusedArrows([]source{importing, domain}, table))
	require.Empty(t, unusedArrows([]source{domain}, table), "the door is not built")

	idle := source{file: "door/a.go", imports: []string{"fmt"}}
	require.Equal(t, table[:1], unusedArrows([]source{idle, domain}, table))
	onlyTested := source{file: "door/a_test.go", imports: importing.imports, test: true}
	require.Equal(t, table[:1], unusedArrows([]source{idle, onlyTested, domain}, table))
}

func TestStrays(t *testing.T) {
	table := []home{{"example.com/lib", []string{"store/x", "cmd/..."}, "is heavy"}}
	for file, stray := range map[string]bool{
		"store/x/a.go": false, "store/a.go": true, "store/x/y/a.go": true, "cmd/x/a.go": false,
	} {
		given := []source{{file: file, imports: []string{"example.com/lib/v2/part"}}}
		require.Equal(t, stray, len(strays(given, table)) > 0, file)
	}
}

func TestSourcesLeaveOutNestedModulesAndTestdata(t *testing.T) {
	file := &fstest.MapFile{Data: []byte("// Package a is a.\npackage a\n\nimport \"fmt\"\n")}
	tree := fstest.MapFS{
		"go.mod": file, "a/doc.go": file, "a/testdata/b.go": file, "test/peers/go.mod": file, "test/peers/c.go": file, ".bin/d.go": file,
	}
	require.Equal(t, []source{{file: "a/doc.go", imports: []string{"fmt"}, lines: 4, doc: true}}, sources(t, tree))
}

func TestMachinePaths(t *testing.T) {
	for _, text := range []string{"/" + "root/x", "see `/" + "work/y`", "\"/" + "tmp/z\"", "file:///" + "home/me/x"} {
		require.NotEmpty(t, machinePaths([]byte(text)), text)
	}
	for _, text := range []string{"/var/lib/cambio", "https://example.com/" + "home/x", "./" + "work/x", "the /root", "net/http"} {
		require.Empty(t, machinePaths([]byte(text)), text)
	}
}

// badArrows returns the imports between packages of ours that no row allows.
// Test files may import what they like.
func badArrows(files []source, table []arrow) []string {
	var bad []string
	for _, s := range files {
		for _, to := range ours(s) {
			allowed := slices.ContainsFunc(table, func(row arrow) bool { return covers(row.from, s.pkg()) && covers(row.to, to) })
			if !allowed || covers("cmd/...", to) && !covers("cmd/...", s.pkg()) {
				bad = append(bad, fmt.Sprintf("%s imports %s", s.file, to))
			}
		}
	}
	return bad
}

// unusedArrows returns the rows between two packages that exist, of which the
// first does not import the second. A row with a wildcard is a permission, not
// an arrow, and is never unused.
func unusedArrows(files []source, table []arrow) []arrow {
	exists, used := map[string]bool{}, map[string]bool{}
	for _, s := range files {
		exists[s.pkg()] = true
		for _, to := range ours(s) {
			used[s.pkg()+" "+to] = true
		}
	}
	var unused []arrow
	for _, row := range table {
		if exists[row.from] && exists[row.to] && !used[row.from+" "+row.to] {
			unused = append(unused, row)
		}
	}
	return unused
}

// strays returns the imports of third-party modules away from their home.
func strays(files []source, table []home) []string {
	var stray []string
	for _, s := range files {
		for _, row := range table {
			at := slices.ContainsFunc(row.homes, func(pkg string) bool { return covers(pkg, s.pkg()) })
			away := slices.ContainsFunc(s.imports, func(imported string) bool { return strings.HasPrefix(imported, row.module) })
			if away && !at && !s.test && !covers("test/...", s.pkg()) && !covers("bench/...", s.pkg()) {
				stray = append(stray, fmt.Sprintf("%s imports %s, which is at home in %s: %s",
					s.file, row.module, strings.Join(row.homes, ", "), row.why))
			}
		}
	}
	return stray
}

// ours returns the packages of the module that a file imports, unless it is a
// test.
func ours(s source) []string {
	var packages []string
	for _, imported := range s.imports {
		if pkg, ok := strings.CutPrefix(imported, modulePath+"/"); ok && !s.test {
			packages = append(packages, pkg)
		}
	}
	return packages
}

// covers reports whether pattern, a package or one with /..., stands for pkg.
func covers(pattern, pkg string) bool {
	if pattern == "..." {
		return true
	}
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == prefix || strings.HasPrefix(pkg, prefix+"/")
	}
	return pattern == pkg
}

var (
	machineFolders = []string{"/work/", "/root/", "/tmp/", "/home/", "/Users/"}
	machinePath    = regexp.MustCompile(`(?m)(?:^|file://|[^\w./:-])((?:` + strings.Join(machineFolders, "|") + `)\w[^\s"'` + "`" + `]*)`)
)

// machinePaths returns the absolute paths in text that exist on one person's
// machine at best.
func machinePaths(text []byte) []string {
	if !slices.ContainsFunc(machineFolders, func(folder string) bool { return bytes.Contains(text, []byte(folder)) }) {
		return nil // the expression takes a thousand times as long
	}
	var paths []string
	for _, found := range machinePath.FindAllSubmatch(text, -1) {
		paths = append(paths, string(found[1]))
	}
	return paths
}
