package proxies

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// startNginx runs the recipe in a configuration of a process of its own.
func startNginx(t *testing.T, w *world) {
	t.Helper()
	program := testenv.Need(t, "nginx")
	addr, dir := fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t)), t.TempDir()
	recipe := w.recipe("nginx.md", "server 127.0.0.1:8080;", "server "+strings.TrimPrefix(w.dev.Info.Addr, "http://")+";",
		"listen 127.0.0.1:8000;", "listen "+addr+";", "http://127.0.0.1:9000", w.backend.URL, "https://api.example.com", w.dev.Info.Audience)
	var paths strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		paths.WriteString(kind + "_temp_path " + filepath.Join(dir, kind) + ";\n")
	}
	file := filepath.Join(dir, "nginx.conf")
	text := "pid " + filepath.Join(dir, "pid") + ";\nevents {}\nhttp {\naccess_log off;\nclient_body_buffer_size 1m;\n" + paths.String() + recipe + "\n}\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	process := testenv.Start(t, nil, program, "-e", "stderr", "-p", dir, "-c", file, "-g", "daemon off;")
	t.Cleanup(process.Stop) // a killed master leaves its workers
	w.url = "http://" + addr
	w.awaitProxy()
}

// startCaddy puts Caddy in front of the backend.
func startCaddy(t *testing.T, w *world) {
	t.Helper()
	program := testenv.Need(t, "caddy")
	addr, dir := fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t)), t.TempDir()
	recipe := w.recipe("caddy.md", "127.0.0.1:8080", strings.TrimPrefix(w.dev.Info.Addr, "http://"),
		"https://api.example.com", w.dev.Info.Audience, "127.0.0.1:9000", strings.TrimPrefix(w.backend.URL, "http://"), "api.example.com {", "http://"+addr+" {")
	file := filepath.Join(dir, "Caddyfile")
	require.NoError(t, os.WriteFile(file, []byte("{\n  admin off\n  auto_https off\n}\n"+recipe+"\n"), 0o600))
	process := testenv.Start(t, []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}, program, "run", "--adapter", "caddyfile", "--config", file)
	t.Cleanup(process.Stop)
	w.url = "http://" + addr
	w.awaitProxy()
}

func (w *world) awaitProxy() {
	w.Helper()
	testenv.Wait(w, ready, func() bool {
		response, err := http.Get(w.url)
		if err != nil {
			return false
		}
		return response.Body.Close() == nil && response.StatusCode == http.StatusUnauthorized
	})
}

func TestProxies(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T, *world){"nginx": startNginx, "caddy": startCaddy} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			start(t, w)
			w.letsIn()
			w.refuses()
			w.clonesByBasic()
			w.revokes()
			w.tellsOfTrouble()
		})
	}
}

// letsIn requires that each kind of credential becomes a JWT, and that nothing a client says
// of itself arrives behind the proxy.
func (w *world) letsIn() {
	w.Helper()
	alice := &w.dev.Info.Users.Alice
	for name, credential := range map[string][]string{
		"bearer":                     bearer(alice.PAT.Token),
		"private-token":              {"private-token", alice.PAT.Token},
		"basic with the secret":      basic(alice.PAT.ID, alice.PAT.Secret),
		"basic with the whole token": basic(alice.PAT.ID, alice.PAT.Token),
	} {
		seen := w.get(append(credential, "X-Auth-Request-User", "mallory", "X-Auth-Request-Email", "m@example.com", "X-Cambio-Pat-Id", "m", "X-Forwarded-For", "192.0.2.1")...).seen(w.T)
		require.Equal(w, []string{alice.ID}, seen.Values("X-Auth-Request-User"), name)
		require.Equal(w, []string{alice.PAT.ID}, seen.Values("X-Cambio-Pat-Id"), name)
		require.Equal(w, []string{"alice@example.com"}, seen.Values("X-Auth-Request-Email"), name)
		require.Empty(w, seen.Values("Private-Token"), name)
		require.NotContains(w, fmt.Sprint(seen), alice.PAT.Secret, name)
	}
	bob := &w.dev.Info.Users.Bob
	seen := w.get(append(bearer(bob.PAT.Token), "X-Auth-Request-Email", "m@example.com", "X-Auth-Request-Preferred-Username", "m")...).seen(w.T)
	require.Equal(w, bob.ID, seen.Get("X-Auth-Request-User"))
	require.Empty(w, seen.Get("X-Auth-Request-Email"), "his token has no scope that tells it")
	require.Empty(w, seen.Get("X-Auth-Request-Preferred-Username"))
	first, second := w.get(bearer(alice.PAT.Token)...).seen(w.T), w.get(bearer(alice.PAT.Token)...).seen(w.T)
	require.Equal(w, first["Authorization"], second["Authorization"], "the JWT is kept")
	posted := w.send(http.MethodPost, w.url+"/x", strings.Repeat("body ", 10_000), bearer(alice.PAT.Token)...)
	require.Equal(w, http.StatusOK, posted.status, posted.body)
}

func (w *world) refuses() {
	w.Helper()
	alice, bob := &w.dev.Info.Users.Alice, &w.dev.Info.Users.Bob
	for name, credential := range map[string][]string{
		"none":            {},
		"malformed":       bearer("x"),
		"another id":      basic(bob.PAT.ID, alice.PAT.Secret),
		"in two places":   append(bearer(alice.PAT.Token), "private-token", alice.PAT.Token),
		"another's JWT":   bearer("a.b.c"),
		"only an address": {"X-Auth-Request-User", alice.ID},
	} {
		got := w.get(credential...)
		require.Equal(w, http.StatusUnauthorized, got.status, name)
		require.Equal(w, `Basic realm="cambio", charset="UTF-8"`, got.header.Get("WWW-Authenticate"), name)
		require.Empty(w, got.header.Get("X-Cambio-Cause"), name)
	}
}

// clonesByBasic clones a repository of plain files, for which git asks as often as there are
// objects.
func (w *world) clonesByBasic() {
	w.Helper()
	git := testenv.Need(w, "git")
	alice, source, clone := w.dev.Info.Users.Alice.PAT, w.TempDir(), w.TempDir()
	run := func(args ...string) (string, error) {
		command := exec.CommandContext(w.Context(), git, args...)
		command.Env = []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + source, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		}
		output, err := command.CombinedOutput()
		return string(output), err
	}
	bare := filepath.Join(w.files, "repo.git")
	require.NoError(w, os.WriteFile(filepath.Join(source, "file"), []byte("content\n"), 0o600))
	for _, args := range [][]string{
		{"init", "-q", source},
		{"-C", source, "add", "file"},
		{"-C", source, "commit", "-qm", "one"},
		{"clone", "-q", "--bare", source, bare},
		{"-C", bare, "update-server-info"},
	} {
		output, err := run(args...)
		require.NoError(w, err, output)
	}
	url := w.url + "/files/repo.git"
	output, err := run("clone", "-q", strings.Replace(url, "http://", "http://"+alice.ID+":"+alice.Secret+"@", 1), filepath.Join(clone, "a"))
	require.NoError(w, err, output)
	got, err := os.ReadFile(filepath.Join(clone, "a", "file"))
	require.NoError(w, err)
	require.Equal(w, "content\n", string(got))
	_, err = run("clone", "-q", strings.Replace(url, "http://", "http://"+alice.ID+":wrong@", 1), filepath.Join(clone, "b"))
	require.Error(w, err)
}

// revokes ends a token: the next request is refused, with the cause.
func (w *world) revokes() {
	w.Helper()
	bob := &w.dev.Info.Users.Bob
	require.Equal(w, http.StatusOK, w.get(bearer(bob.PAT.Token)...).status)
	ended := w.send(http.MethodPost, w.dev.Info.Issuer+"/api/v1/personal-access-tokens/"+bob.PAT.ID+"/revoke", "{}",
		append(bearer(bob.PAT.Token), "Content-Type", "application/json")...)
	require.Equal(w, http.StatusOK, ended.status, ended.body)
	got := w.get(bearer(bob.PAT.Token)...)
	require.Equal(w, http.StatusForbidden, got.status)
	require.Contains(w, got.header.Get("X-Cambio-Cause"), "the token was revoked on ")
	require.Len(w, got.header.Get("X-Cambio-Denial-Id"), 32)
	require.Equal(w, http.StatusOK, w.get(bearer(w.dev.Info.Users.Alice.PAT.Token)...).status, "nobody else's")
}

// tellsOfTrouble requires 429 for one who guesses on and on, and that a server which is away
// lets nobody in.
func (w *world) tellsOfTrouble() {
	w.Helper()
	alice, bob := &w.dev.Info.Users.Alice, &w.dev.Info.Users.Bob
	wrong := basic(alice.PAT.ID, bob.PAT.Secret)
	var got *answer
	for range 1000 { // the first few hundred are let try
		if got = w.get(wrong...); got.status != http.StatusUnauthorized {
			break
		}
	}
	require.Equal(w, http.StatusTooManyRequests, got.status)
	require.NotEmpty(w, got.header.Get("Retry-After"))
	require.Equal(w, http.StatusOK, w.get(bearer(alice.PAT.Token)...).status, "a right secret is never locked out")

	w.dev.Stop()
	require.Contains(w, []int{http.StatusBadGateway, http.StatusServiceUnavailable}, w.get(bearer(alice.PAT.Token)...).status, "nobody is let in unasked")
}
