package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"

// exchange posts a token exchange and returns the status and the members.
func exchange(t *testing.T, client *http.Client, base, token string) (int, map[string]any) {
	t.Helper()
	response, err := client.PostForm(base+"/oauth2/token", url.Values{
		"grant_type": {tokenExchange}, "subject_token": {token}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
	})
	require.NoError(t, err)
	defer response.Body.Close()
	var members map[string]any
	require.NoError(t, json.NewDecoder(response.Body).Decode(&members))
	return response.StatusCode, members
}

// onStores runs a test on the embedded store and on Redis.
func onStores(t *testing.T, test func(t *testing.T, args ...string)) {
	t.Helper()
	t.Run("bolt", func(t *testing.T) { test(t) })
	t.Run("redis", func(t *testing.T) {
		server := testenv.Redis(t, testenv.RedisOptions{})
		test(t, "--redis", server.URL())
	})
}

func TestDevMainJob(t *testing.T) {
	onStores(t, func(t *testing.T, args ...string) {
		t.Helper()
		server := testenv.Dev(t, args...)
		client := server.Client()
		for _, base := range []string{server.Info.Addr, server.Info.TLSAddr} {
			status, members := exchange(t, client, base, server.Info.Users.Alice.PAT.Token)
			require.Equal(t, http.StatusOK, status, members)
			require.Equal(t, server.Info.Issuer, members["issuer"])
		}
		require.Regexp(t, `^`+regexp.QuoteMeta(server.Info.Issuer)+`/console/link\?token=[A-Za-z0-9_-]{43}$`, server.Info.ConsoleURL)
		require.Equal(t, server.Info.Issuer+"/api/v1", server.Info.APIAudience)

		status := post(t, client, server.Info.Addr+"/oauth2/revoke", url.Values{"token": {server.Info.Users.Alice.PAT.Token}})
		require.Equal(t, http.StatusOK, status)
		status, members := exchange(t, client, server.Info.Addr, server.Info.Users.Alice.PAT.Token)
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, members["error_description"], "revoked")

		short := create(t, client, server.Info.Addr, server.Info.Users.Bob.PAT.Token, map[string]any{
			"name": "short", "expirationDate": time.Now().Add(2500 * time.Millisecond).UTC().Format(time.RFC3339Nano),
		})
		status, members = exchange(t, client, server.Info.Addr, short.Token)
		require.Equal(t, http.StatusOK, status, members)
		testenv.Wait(t, 10*time.Second, func() bool {
			_, members = exchange(t, client, server.Info.Addr, short.Token)
			text, _ := members["error_description"].(string)
			return strings.HasPrefix(text, "the token expired on") && strings.HasSuffix(text, "and is now auto-revoked")
		})
		require.Equal(t, "Auto-revoked", get(t, client, server.Info.Addr+"/api/v1/personal-access-tokens/"+short.ID, server.Info.Users.Bob.PAT.Token).Status)
	})
}

func post(t *testing.T, client *http.Client, to string, form url.Values) int {
	t.Helper()
	response, err := client.PostForm(to, form)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func create(t *testing.T, client *http.Client, base, token string, draft map[string]any) pat {
	t.Helper()
	body, err := json.Marshal(draft)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/api/v1/personal-access-tokens", bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	return send(t, client, request, token)
}

func get(t *testing.T, client *http.Client, from, token string) pat {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, from, http.NoBody)
	require.NoError(t, err)
	return send(t, client, request, token)
}

// pat is what the tests read of a token.
type pat struct{ ID, Token, Status string }

func send(t *testing.T, client *http.Client, request *http.Request, bearer string) pat {
	t.Helper()
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", body)
	var token pat
	require.NoError(t, json.Unmarshal(body, &token))
	return token
}

func TestDevOnAUsedFolder(t *testing.T) {
	dir := t.TempDir()
	first := testenv.Dev(t, "--data-dir", dir)
	mine := create(t, first.Client(), first.Info.Addr, first.Info.Users.Alice.PAT.Token, map[string]any{"name": "mine"})
	alice, tokens := first.Info.Users.Alice.ID, []string{first.Info.Users.Alice.PAT.Token}
	for range 3 {
		first.Restart()
		require.Equal(t, alice, first.Info.Users.Alice.ID, "the users stay")
		tokens = append(tokens, first.Info.Users.Alice.PAT.Token)
	}
	for i, token := range tokens {
		status, members := exchange(t, first.Client(), first.Info.Addr, token)
		want := http.StatusOK
		if i == 0 {
			want = http.StatusBadRequest
		}
		require.Equal(t, want, status, "token %d: %v", i, members)
	}
	status, members := exchange(t, first.Client(), first.Info.Addr, mine.Token)
	require.Equal(t, http.StatusOK, status, "no other token is touched: %v", members)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, "%s is nobody else's to read", file)
	}
}

func TestDevFolderIsRemovedAtExit(t *testing.T) {
	server := testenv.Dev(t)
	dir := server.Info.DataDir
	_, err := os.Stat(dir)
	require.NoError(t, err)
	server.Stop()
	_, err = os.Stat(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestDevReplicas(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{})
	dir := t.TempDir()
	one := testenv.Dev(t, "--redis", redis.URL(), "--data-dir", dir)
	two := testenv.Dev(t, "--redis", redis.URL(), "--data-dir", dir)
	status, members := exchange(t, two.Client(), two.Info.Addr, one.Info.Users.Alice.PAT.Token)
	require.Equal(t, http.StatusOK, status, members)
	_, keys := body(t, one.Client(), one.Info.Addr+"/.well-known/jwks.json")
	_, same := body(t, two.Client(), two.Info.Addr+"/.well-known/jwks.json")
	require.Equal(t, keys, same, "no key is made twice")

	status = post(t, one.Client(), one.Info.Addr+"/oauth2/revoke", url.Values{"token": {one.Info.Users.Alice.PAT.Token}})
	require.Equal(t, http.StatusOK, status)
	status, _ = exchange(t, two.Client(), two.Info.Addr, one.Info.Users.Alice.PAT.Token)
	require.Equal(t, http.StatusBadRequest, status, "a revocation is visible to all at once")
}

func body(t *testing.T, client *http.Client, from string) (int, string) {
	t.Helper()
	response, err := client.Get(from)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func TestDevHTTPS(t *testing.T) {
	server := testenv.Dev(t, "--https")
	require.Equal(t, server.Info.TLSAddr, server.Info.Issuer)
	status, text := body(t, server.Client(), server.Info.Addr+"/.well-known/openid-configuration")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, `"issuer":"`+server.Info.Issuer+`"`, "both listeners answer the same")
}

func TestDevHealth(t *testing.T) {
	server := testenv.Dev(t)
	for _, base := range []string{server.Info.Addr, server.Info.AdminAddr} {
		for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/nothing": 404} {
			status, text := body(t, server.Client(), base+path)
			require.Equal(t, want, status, "%s%s: %s", base, path, text)
		}
	}
	status, _ := body(t, server.Client(), server.Info.Addr+"/debug/pprof/")
	require.Equal(t, http.StatusNotFound, status, "profiles are for the admin listener")
	status, _ = body(t, server.Client(), server.Info.AdminAddr+"/debug/pprof/")
	require.Equal(t, http.StatusOK, status)
}

// Whoever collects the log finds nothing in it but lines of JSON, also while the
// store is away.
func TestStderrIsJSONAlone(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{})
	server := testenv.Dev(t, "--redis", redis.URL())
	redis.Stop()
	status, members := exchange(t, server.Client(), server.Info.Addr, server.Info.Users.Alice.PAT.Token)
	require.Equal(t, http.StatusServiceUnavailable, status, members)
	server.Stop()
	require.NotEmpty(t, server.Stderr())
	for line := range strings.Lines(server.Stderr()) {
		require.True(t, json.Valid([]byte(line)), line)
	}
}

// Every step that dev prints is pasted into a shell.
func TestDevStepsArePasteable(t *testing.T) {
	testenv.Need(t, "curl")
	shell := testenv.Need(t, "bash")
	command := exec.CommandContext(context.WithoutCancel(t.Context()), testenv.Binary(t), "dev", "--addr", "127.0.0.1:0", "--tls-addr", "127.0.0.1:0")
	command.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		require.NoError(t, command.Process.Signal(os.Interrupt))
		require.NoError(t, command.Wait())
	})
	var printed strings.Builder
	chunk := make([]byte, 4096)
	for !strings.Contains(printed.String(), "Ctrl-C ends it.") {
		n, err := stdout.Read(chunk)
		require.NoError(t, err, printed.String())
		printed.Write(chunk[:n])
	}
	_, steps, ok := strings.Cut(printed.String(), "Paste into another terminal:\n")
	require.True(t, ok, printed.String())
	steps, _, _ = strings.Cut(steps, "Ctrl-C ends it.")

	output, err := exec.CommandContext(t.Context(), shell, "-euo", "pipefail", "-c", steps).CombinedOutput()
	require.NoError(t, err, "%s", output)
	text := string(output)
	require.Regexp(t, `(?m)^eyJ[\w-]+\.[\w-]+\.[\w-]+$`, text, "the JWT")
	require.Regexp(t, `(?m)^[0-9a-f]{32}  dev .*  alice  Active `, text, "what the CLI lists")
	require.Contains(t, text, `"token_type":"Bearer"`)
	require.Contains(t, text, `"keys":[`)
	require.Contains(t, text, `"active":true`)

	requireDocumented(t, steps)

	basic := steps[strings.Index(steps, "  # An integration"):strings.Index(steps, "  # Any service")]
	output, err = exec.CommandContext(t.Context(), shell, "-c", basic).CombinedOutput()
	require.NoError(t, err)
	require.Contains(t, string(output), `"error":"invalid_client"`)
	require.Contains(t, string(output), "revoked")
}

// requireDocumented proves that docs/api.md shows the variables that dev prints.
func requireDocumented(t *testing.T, steps string) {
	t.Helper()
	document, err := os.ReadFile("../../docs/api.md")
	require.NoError(t, err)
	variable := regexp.MustCompile(`(?m)^ *export \w+=(http://127.0.0.1:|cambio_pat_)`)
	shown := func(text string) []string {
		var lines []string
		for _, line := range variable.FindAllString(text, -1) {
			lines = append(lines, strings.TrimSpace(line))
		}
		return lines
	}
	require.Equal(t, []string{"export CAMBIO_URL=http://127.0.0.1:", "export CAMBIO_TOKEN=cambio_pat_"}, shown(steps))
	require.Equal(t, shown(steps), shown(string(document)))
}
