package docs

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// notRun are the fences that say `sh norun=<reason>`, by document and first
// line, with their reason.
var notRun = map[string]string{
	"docs/credentials.md: aws iam create-open-id-connect-provider --url https://sts.example.com --client-id-list https://aws.example.com": "account",
	"docs/credentials.md: export MINIO_IDENTITY_OPENID_CONFIG_URL=https://sts.example.com/.well-known/openid-configuration":               "account",
	"docs/deploy.md: install -m 0755 cambio /usr/local/bin/cambio":                                                                        "systemd",
	"docs/deploy.md: kubectl apply -k deploy/kustomize/example":                                                                           "cluster",
	"docs/deploy.md: make dist                        # all platforms; TARGETS=linux/amd64 for one":                                       "release",
	"docs/deploy.md: mkdir first": "cluster",
	"docs/integrations/github-actions.md: gh secret set CAMBIO_TOKEN --env production <github.token":              "account",
	"docs/integrations/kubectl.md: kubectl auth whoami":                                                           "account",
	"docs/integrations/terraform.md: TF_VAR_jwt=$(cambio exchange --audience https://vault.example.com -o token)": "account",
	"docs/integrations/vaults.md: jwt=$(vault kv get -mount=secret -field=token cambio/nightly |":                 "account",
}

// foreign are languages that nothing here reads; a page with such a fence says in
// its first lines what of it is run.
var foreign = []string{"csharp", "groovy", "hcl", "java", "powershell"}

// reasons are why a command of a document is not run.
var reasons = map[string]string{
	"account":   "needs an account, or a server, of somebody else",
	"cluster":   "needs a Kubernetes cluster; test/deploy runs what a pod does without",
	"docker":    "needs a container engine; test/compose runs the same commands without",
	"recursion": "runs this test",
	"release":   "makes a release of what is committed; cmd/dist has tests",
	"systemd":   "needs root, and systemd; test/systemd runs the unit's command without",
}

// commandLine is what a line of a shell looks like.
var commandLine = regexp.MustCompile(`(?m)^\s*(\$ .*|(sudo |[A-Z_]+=\S+ )*(\./\w+|cambio|curl|docker|export|git|go|jq|kubectl|make|redis-\w+)( [-\w./:"'{$].*)?)$`)

func TestFences(t *testing.T) {
	skipped := map[string]string{}
	for _, d := range documents(t) {
		for i := range d.fences {
			f := &d.fences[i]
			at := fmt.Sprintf("%s:%d", d.name, f.line)
			switch {
			case f.info == "sh":
			case f.norun() == "alert": // test/alerts runs it while the alert fires
				require.Equal(t, "docs/runbooks", filepath.Dir(d.name), at)
			case f.norun() != "":
				require.Contains(t, reasons, f.norun(), at)
				first, _, _ := strings.Cut(f.text, "\n")
				skipped[d.name+": "+first] = f.norun()
			case f.info == "json":
				require.True(t, json.Valid([]byte(f.text)), at)
			case f.info == "yaml":
				require.NoError(t, yaml.Unmarshal([]byte(f.text), new(any)), at)
			case f.info == "sql": // credentials/postgres runs it
				require.Equal(t, "docs/integrations/postgresql.md", d.name)
			case slices.Contains(foreign, f.info):
				require.Regexp(t, `(?i)not run`, first(d.prose), at)
			case f.info == "go":
				require.True(t, compiled(t, f.text), "%s: no example_test.go has these lines, so nothing compiles them", at)
			case f.info == "":
				require.Empty(t, commandLine.FindString(f.text), "%s: commands are in a fence with the info string sh", at)
			default:
				require.Fail(t, "unknown info string", "%s: %q", at, f.info)
			}
		}
	}
	require.Equal(t, notRun, skipped, "the fences that are not run")
}

// first is what a page says in its heading and its first two paragraphs.
func first(prose string) string {
	paragraphs := strings.SplitN(prose, "\n\n", 4)
	return strings.Join(paragraphs[:min(3, len(paragraphs))], "\n")
}

// compiled reports whether an example of the repository has the lines of text,
// wherever they are indented to.
func compiled(t *testing.T, text string) bool {
	t.Helper()
	plain := func(text string) string { return strings.ReplaceAll("\n"+text, "\t", "") }
	return slices.ContainsFunc(tracked(t), func(name string) bool {
		if filepath.Base(name) != "example_test.go" {
			return false
		}
		source, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		return strings.Contains(plain(string(source)), plain(text))
	})
}

func TestCommandLine(t *testing.T) {
	for _, command := range []string{
		"export CAMBIO_URL=http://127.0.0.1:8080", "  ./cambio serve", "curl -s x", "go run ./cmd/cambio dev", "CI=true make test", "$ anything", "cambio dev",
	} {
		require.Regexp(t, commandLine, command)
	}
	for _, picture := range []string{" street   cmd/cambio ── flags", "cmd/cambio   flags, wiring, signals", "verify/      the SDK", "go_package", "client ──▶ server"} {
		require.NotRegexp(t, commandLine, picture)
	}
}

// members are the names of all members of a JSON document, with the path to
// them; elements of an array share one.
func members(value any) []string {
	found := map[string]bool{}
	collect(found, "", value)
	return slices.Sorted(maps.Keys(found))
}

func collect(found map[string]bool, path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			found[path+"."+name] = true
			collect(found, path+"."+name, member)
		}
	case []any:
		for _, element := range value {
			collect(found, path+"[]", element)
		}
	}
}

func requireSameMembers(t *testing.T, documented, printed string) {
	t.Helper()
	var want, got any
	require.NoError(t, json.Unmarshal([]byte(documented), &want))
	require.NoError(t, json.Unmarshal([]byte(printed), &got), "it prints no JSON: %s", printed)
	require.Equal(t, members(want), members(got), "the members of\n%s", printed)
}

func TestMembers(t *testing.T) {
	var value any
	require.NoError(t, json.Unmarshal([]byte(`{"b":{"c":1},"a":[{"d":1},{"e":null}]}`), &value))
	require.Equal(t, []string{".a", ".a[].d", ".a[].e", ".b", ".b.c"}, members(value))
}
