package docs

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// The addresses in the recipes for CI.
const (
	recipeService  = "https://api.example.com/orders"
	recipeAudience = "https://api.example.com"
	recipeServer   = "https://sts.example.com"
)

// job runs the scripts of a recipe as the CI system does, against a service that
// takes JWTs alone.
type job struct {
	*testing.T
	dev     *testenv.DevServer
	service *httptest.Server
	served  atomic.Int32
	dir     string
	env     map[string]string
}

func newJob(t *testing.T) *job {
	t.Helper()
	testenv.Need(t, "curl")
	testenv.Need(t, "jq")
	j := &job{T: t, dev: testenv.Dev(t), dir: t.TempDir()}
	j.env = map[string]string{"PATH": os.Getenv("PATH"), "HOME": j.dir, "CAMBIO_URL": j.dev.Info.Addr, "CAMBIO_TOKEN": j.dev.Info.Users.Alice.PAT.Token}
	j.service = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		jwt, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !j.isGranted(r.Context(), jwt) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		j.served.Add(1)
		_, _ = w.Write([]byte("[]\n"))
	}))
	t.Cleanup(j.service.Close)
	return j
}

// isGranted asks about a JWT with the token that it was minted for (RFC 7662).
func (j *job) isGranted(ctx context.Context, jwt string) bool {
	form := strings.NewReader(url.Values{"token": {jwt}}.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, j.dev.Info.Addr+"/oauth2/introspect", form)
	if err != nil {
		return false
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "Bearer "+j.dev.Info.Users.Alice.PAT.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	var told struct {
		Active bool
		Scope  string
	}
	return json.NewDecoder(response.Body).Decode(&told) == nil && told.Active && told.Scope == "orders:order:read" && strings.Count(jwt, ".") == 2
}

// page is the text of a recipe with the addresses of this test.
func (j *job) page(name string) string {
	j.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "integrations", name))
	require.NoError(j, err)
	require.Contains(j, string(text), recipeService)
	return strings.NewReplacer(recipeService, j.service.URL, recipeAudience, j.dev.Info.Audience, recipeServer, j.dev.Info.Addr).Replace(string(text))
}

// yaml decodes the first yaml fence of a recipe.
func (j *job) yaml(name string, into any) {
	j.Helper()
	d := parse(j.T, name, j.page(name))
	at := slices.IndexFunc(d.fences, func(f fence) bool { return f.info == "yaml" })
	require.GreaterOrEqual(j, at, 0, name)
	require.NoError(j, yaml.Unmarshal([]byte(d.fences[at].text), into))
}

// run runs a script with variables besides those of the job, and returns both its
// outputs.
func (j *job) run(script string, variables map[string]string, shell ...string) (string, error) {
	j.Helper()
	command := exec.CommandContext(j.Context(), testenv.Need(j, shell[0]), append(shell[1:], script)...)
	command.Dir, command.Env = j.dir, []string{}
	for _, some := range []map[string]string{j.env, variables} {
		for name, value := range some {
			command.Env = append(command.Env, name+"="+value)
		}
	}
	output, err := command.CombinedOutput()
	return string(output), err
}

// requireSecret requires that a log has neither token.
func (j *job) requireSecret(log string) {
	j.Helper()
	require.NotContains(j, log, j.dev.Info.Users.Alice.PAT.Secret)
	require.NotContains(j, log, "eyJ")
}

// refuses runs a recipe with a revoked token: it fails at the exchange and says why.
func (j *job) refuses(run func() (string, error)) {
	j.Helper()
	pat := j.dev.Info.Users.Alice.PAT
	response, err := http.PostForm(j.dev.Info.Addr+"/oauth2/revoke", url.Values{"token": {pat.Token}})
	require.NoError(j, err)
	require.NoError(j, response.Body.Close())
	served := j.served.Load()
	log, err := run()
	require.Error(j, err, log)
	require.Contains(j, log, "the token was revoked on ")
	require.Equal(j, served, j.served.Load())
	j.requireSecret(log)
}

var expression = regexp.MustCompile(`\$\{\{ (\S+) \}\}`)

func TestGitHubActions(t *testing.T) {
	j := newJob(t)
	var workflow struct {
		Defaults struct{ Run struct{ Shell string } }
		Jobs     map[string]struct {
			Steps []struct {
				ID, Name, Run string
				Env           map[string]string
			}
		}
	}
	j.yaml("github-actions.md", &workflow)
	require.Equal(t, "bash", workflow.Defaults.Run.Shell)
	known := map[string]string{"vars.CAMBIO_URL": j.env["CAMBIO_URL"], "secrets.CAMBIO_TOKEN": j.env["CAMBIO_TOKEN"]}
	delete(j.env, "CAMBIO_URL")
	delete(j.env, "CAMBIO_TOKEN")
	steps := workflow.Jobs["orders"].Steps
	require.Len(t, steps, 2)
	runStep := func(i int) (string, error) {
		outputs := filepath.Join(t.TempDir(), "output")
		variables := map[string]string{"GITHUB_OUTPUT": outputs}
		for name, value := range steps[i].Env {
			variables[name] = expression.ReplaceAllStringFunc(value, func(text string) string {
				found, ok := known[expression.FindStringSubmatch(text)[1]]
				require.True(t, ok, text)
				return found
			})
		}
		log, err := j.run(steps[i].Run, variables, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
		text, _ := os.ReadFile(outputs) // none if the step failed
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			known["steps."+steps[i].ID+".outputs."+name] = value
		}
		return log, err
	}
	log, err := runStep(0)
	require.NoError(t, err, log)
	masked, log, found := strings.Cut(log, "\n")
	require.True(t, found)
	require.Equal(t, "::add-mask::"+known["steps.cambio.outputs.jwt"], masked, "it comes before anything else")
	require.Contains(t, log, "granted: orders:order:read; the token expires: never")
	j.requireSecret(log)
	log, err = runStep(1)
	require.NoError(t, err, log)
	require.EqualValues(t, 1, j.served.Load())
	j.requireSecret(log)
	j.refuses(func() (string, error) { return runStep(0) })
}

func TestGitLabCI(t *testing.T) {
	j := newJob(t)
	var pipeline map[string]struct {
		Variables map[string]string
		Script    []string
	}
	j.yaml("gitlab-ci.md", &pipeline)
	orders := pipeline["orders"]
	run := func() (string, error) { return j.run(strings.Join(orders.Script, "\n"), orders.Variables, "sh", "-ec") }
	log, err := run()
	require.NoError(t, err, log)
	require.Contains(t, log, "granted: orders:order:read; the token expires: never")
	require.EqualValues(t, 1, j.served.Load())
	j.requireSecret(log)
	j.refuses(run)
}

func TestJenkins(t *testing.T) {
	j := newJob(t)
	text := j.page("jenkins.md")
	script := regexp.MustCompile(`(?s)\bsh '''(.*?)'''`).FindStringSubmatch(text)
	require.NotNil(t, script)
	variables := map[string]string{}
	for _, found := range regexp.MustCompile(`(?m)^    (\w+) += '(.*)'$`).FindAllStringSubmatch(text, -1) {
		variables[found[1]] = found[2]
	}
	require.Len(t, variables, 3)
	run := func() (string, error) { return j.run(script[1], variables, "sh", "-xec") }
	log, err := run()
	require.NoError(t, err, log)
	require.EqualValues(t, 1, j.served.Load())
	j.requireSecret(log)
	j.refuses(run)
}
