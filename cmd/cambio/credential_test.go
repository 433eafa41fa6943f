package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// guest is a machine of alice with programs that ask cambio for credentials.
type guest struct {
	*testing.T
	dev  *testenv.DevServer
	home string
	env  []string
}

func newGuest(t *testing.T) *guest {
	t.Helper()
	g := &guest{T: t, dev: testenv.Dev(t), home: t.TempDir()}
	token := filepath.Join(g.home, "token")
	require.NoError(t, os.WriteFile(token, []byte(g.dev.Info.Users.Alice.PAT.Token+"\n"), 0o600))
	g.env = []string{
		"PATH=" + filepath.Dir(testenv.Binary(t)) + ":" + os.Getenv("PATH"), "HOME=" + g.home, "CAMBIO_SERVER=" + g.dev.Info.Addr,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
	}
	g.must("cambio", "login", "--token-file", token)
	return g
}

// try runs a program and returns all that it prints.
func (g *guest) try(program string, args ...string) (string, error) {
	g.Helper()
	path := testenv.Need(g, program)
	if program == "cambio" {
		path = testenv.Binary(g)
	}
	command := exec.CommandContext(g.Context(), path, args...)
	command.Dir, command.Env = g.home, g.env
	output, err := command.CombinedOutput()
	return string(output), err
}

func (g *guest) must(program string, args ...string) string {
	g.Helper()
	output, err := g.try(program, args...)
	require.NoError(g, err, "%s %s\n%s", program, strings.Join(args, " "), output)
	return output
}

// status asks the server at path with the credentials of r.
func (g *guest) status(path string, r *http.Request) int {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, g.dev.Info.Addr+path, nil)
	if err != nil {
		return http.StatusInternalServerError
	}
	request.Header["Authorization"] = r.Header["Authorization"]
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.Body.Close() != nil {
		return http.StatusInternalServerError
	}
	return response.StatusCode
}

// repository makes a bare repository of plain files and returns the folder it is in.
func (g *guest) repository() string {
	g.Helper()
	source, files := g.TempDir(), g.TempDir()
	require.NoError(g, os.WriteFile(filepath.Join(source, "file"), []byte("content\n"), 0o600))
	bare := filepath.Join(files, "repo.git")
	g.must("git", "init", "-q", source)
	g.must("git", "-C", source, "add", "file")
	g.must("git", "-C", source, "commit", "-qm", "one")
	g.must("git", "clone", "-q", "--bare", source, bare)
	g.must("git", "-C", bare, "update-server-info")
	return files
}

// TestGitClones clones over HTTP: behind the forward-auth door, which takes a token,
// and at a server that takes a JWT as password.
func TestGitClones(t *testing.T) {
	g := newGuest(t)
	files := http.FileServer(http.Dir(g.repository()))
	serve := func(isLetIn func(*http.Request) bool) (host string) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !isLetIn(r) {
				w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			files.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	takesPAT := serve(func(r *http.Request) bool { return g.status("/forward-auth", r) == http.StatusOK })
	takesJWT := serve(func(r *http.Request) bool {
		_, password, _ := r.BasicAuth()
		r.Header.Set("Authorization", "Bearer "+password)
		return strings.Count(password, ".") == 2 && g.status("/api/v1/me", r) == http.StatusOK
	})
	clone := func(host, helper string) (string, error) {
		to := t.TempDir()
		output, err := g.try("git", "-c", "credential.helper=", "-c", "credential.helper="+helper, "clone", "-q", "http://"+host+"/repo.git", to)
		if err == nil {
			text, err := os.ReadFile(filepath.Join(to, "file"))
			require.NoError(t, err)
			require.Equal(t, "content\n", string(text))
			kept, err := os.ReadFile(filepath.Join(to, ".git", "config"))
			require.NoError(t, err)
			require.NotContains(t, string(kept), g.dev.Info.Users.Alice.PAT.ID, "no credential is kept")
		}
		return output, err
	}
	output, err := clone(takesPAT, "!cambio credential git --host "+takesPAT)
	require.NoError(t, err, output)
	require.Empty(t, output)
	output, err = clone(takesJWT, "!cambio credential git --jwt --audience "+g.dev.Info.APIAudience+" --host "+takesJWT)
	require.NoError(t, err, output)
	require.Empty(t, output)

	output, err = clone(takesJWT, "!cambio credential git --host "+takesPAT)
	require.Error(t, err)
	require.NotContains(t, output, "cambio", "another host gets no answer")
	output, err = clone(takesJWT, "!cambio credential git --host "+takesJWT)
	require.Error(t, err, "a token where a JWT is due")
	require.Contains(t, output, "did not take the credential")
	output = g.must("cambio", "me", "-o", "id")
	require.Equal(t, g.dev.Info.Users.Alice.ID+"\n", output, "nothing was erased")
	require.NotContains(t, output, g.dev.Info.Users.Alice.PAT.Secret)
}
