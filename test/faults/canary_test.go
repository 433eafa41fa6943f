package faults

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestNoSecretIsKept sends known tokens through every door, rightly and wrongly,
// to a server that logs all it can (I9): a secret is in the one answer that made
// it, and nowhere else.
func TestNoSecretIsKept(t *testing.T) {
	for _, name := range []string{"bolt", "redis"} {
		t.Run(name, func(t *testing.T) {
			temporary := t.TempDir()
			testenv.Binary(t) // built before its folder would be this one
			t.Setenv("TMPDIR", temporary)
			folders, store := []string{temporary}, ""
			if name == "redis" {
				redis := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--appendfsync", "always"}})
				store, folders = redis.URL(), append(folders, redis.Dir())
			}
			traces := newCollector(t, http.StatusOK)
			server := serve(t, t.TempDir(), store, "log: {level: debug}\n"+traces.config())
			folders = append(folders, server.dir)
			c := &canaries{served: server}
			c.flows(t)
			if name == "bolt" { // what is sent astray is refused, or looked for, before a store would keep it
				c.grind(t)
			}
			c.requireAbsent(t, "the metrics", []byte(server.metrics(t)))
			server.Stop()
			require.NotEmpty(t, c.secrets)
			require.Greater(t, traces.count(), 100)
			c.requireAbsent(t, "what the collector was sent", traces.everything())
			c.requireAbsent(t, "what the server printed", []byte(server.Stdout()+server.Stderr()))
			read := 0
			for _, folder := range folders {
				require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
					if err != nil || !entry.Type().IsRegular() {
						return err
					}
					text, err := os.ReadFile(path)
					if err == nil {
						c.requireAbsent(t, path, text)
						read++
					}
					return err
				}))
			}
			require.Greater(t, read, 3)
			require.Contains(t, server.Stderr(), `"msg":"request"`)
		})
	}
}

// canaries are tokens whose secrets must not be found.
type canaries struct {
	*served

	secrets []string
}

// made adds the secret of a token.
func (c *canaries) made(token testenv.DevPAT) testenv.DevPAT {
	c.secrets = append(c.secrets, token.Secret[:43])
	return token
}

// requireAbsent looks for the secrets as they are and as they may be written
// down.
func (c *canaries) requireAbsent(t *testing.T, where string, text []byte) {
	t.Helper()
	for _, secret := range c.secrets {
		encoded := base64.StdEncoding.EncodeToString([]byte(secret))
		for _, form := range []string{secret, encoded[:len(encoded)-4], hex.EncodeToString([]byte(secret))} {
			if bytes.Contains(text, []byte(form)) {
				t.Errorf("a secret is in %s", where)
			}
		}
	}
}

// ask sends a request and looks for the secrets in all that comes back.
func (c *canaries) ask(t *testing.T, method, path, body string, changes ...change) answer {
	t.Helper()
	got := c.send(t, method, path, body, changes...)
	var text strings.Builder
	require.NoError(t, got.header.Write(&text))
	c.requireAbsent(t, "the answer to "+method, []byte(text.String()+got.body))
	return got
}

// flows are what people do with tokens.
func (c *canaries) flows(t *testing.T) {
	t.Helper()
	_, bootstrap, _ := strings.Cut(c.token, "pat_")
	_, tail, _ := strings.Cut(bootstrap, "_")
	c.secrets = append(c.secrets, tail[:43])
	token := c.made(c.create(t, c.token, "canary"))
	rotated := c.json(t, http.MethodPost, pathTokens+"/"+token.ID+"/rotate", c.token, `{"gracePeriodSeconds":60}`)
	require.Equal(t, http.StatusOK, rotated.status, rotated.body)
	renewed := c.made(made(rotated))
	member, end := expiring(700 * time.Millisecond)
	old := c.made(c.create(t, c.token, "short", member))
	form := header("Content-Type", formType)
	for _, live := range []testenv.DevPAT{token, renewed} {
		require.Equal(t, http.StatusOK, c.ask(t, http.MethodPost, pathToken, exchangeForm(live.Token), form).status)
		require.Equal(t, http.StatusOK, c.ask(t, http.MethodPost, pathToken, "grant_type=client_credentials", form, basic(live.ID, live.Secret)).status)
		require.Equal(t, http.StatusOK, c.ask(t, http.MethodPost, pathToken, encode("grant_type", "client_credentials", "client_id", live.ID, "client_secret", live.Token), form).status)
		require.Equal(t, http.StatusOK, c.ask(t, http.MethodPost, pathIntrospect, encode("token", live.Token), form, basic(live.ID, live.Secret)).status)
		require.Equal(t, http.StatusOK, c.ask(t, http.MethodGet, pathTokens+"?owner-id=me", "", bearer(live.Token)).status)
		require.Equal(t, http.StatusOK, c.ask(t, http.MethodGet, pathTokens+"/"+live.ID, "", header("Private-Token", live.Token)).status)
	}
	jwt := c.ask(t, http.MethodPost, pathToken, exchangeForm(renewed.Token, "audience", c.url+"/api/v1"), form).member("access_token")
	require.Equal(t, http.StatusOK, c.ask(t, http.MethodGet, pathTokens+"?owner-id=me", "", bearer(jwt)).status)
	require.Equal(t, http.StatusForbidden, c.ask(t, http.MethodGet, pathUserinfo, "", bearer(jwt)).status)
	child := c.made(c.create(t, renewed.Token, "child"))
	require.Equal(t, http.StatusOK, c.ask(t, http.MethodPatch, pathTokens+"/"+child.ID, `[{"op":"replace","path":"/name","value":"renamed"}]`,
		bearer(c.token), header("Content-Type", "application/json-patch+json")).status)
	require.Equal(t, http.StatusOK, c.ask(t, http.MethodPost, pathRevoke, encode("token", child.Token), form).status)
	during(time.Until(end))
	for _, ended := range []testenv.DevPAT{old, child} {
		require.Equal(t, http.StatusBadRequest, c.ask(t, http.MethodPost, pathToken, exchangeForm(ended.Token), form).status)
		require.Equal(t, http.StatusUnauthorized, c.ask(t, http.MethodGet, pathTokens+"?owner-id=me", "", bearer(ended.Token)).status)
	}
	deleted := c.made(c.create(t, c.token, "deleted"))
	require.Equal(t, http.StatusNoContent, c.ask(t, http.MethodDelete, pathTokens+"/"+deleted.ID, "", bearer(c.token)).status)
}

// grind puts a secret wherever a client may put it by mistake.
func (c *canaries) grind(t *testing.T) {
	t.Helper()
	token := c.made(c.create(t, c.token, "astray"))
	json, form := header("Content-Type", "application/json"), header("Content-Type", formType)
	for _, text := range []string{token.Token, token.Secret, token.Token[:len(token.Token)-1], token.Token + "x", "\"" + token.Token, strings.ToUpper(token.Token[:10]) + token.Token[10:]} {
		query := "?access_token=" + url.QueryEscape(text) + "&client_secret=" + url.QueryEscape(text)
		for _, path := range []string{pathToken, pathIntrospect, pathRevoke, pathUserinfo, pathTokens, pathJWKS, "/nowhere", "/oauth/info"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				c.ask(t, method, path+query, "", form)
				c.ask(t, method, path, "", header("Authorization", text))
				c.ask(t, method, path, "", basic(text, text))
			}
			c.ask(t, http.MethodPost, path, `{"name":`+text, json, bearer(c.token))
			c.ask(t, http.MethodPost, path, `{"`+url.QueryEscape(text)+`":1}`, json, bearer(c.token))
			c.ask(t, http.MethodPost, path, encode(text, text), form)
			c.ask(t, http.MethodPost, path, "subject_token="+text+"&subject_token="+text, form)
			c.ask(t, http.MethodPost, path, exchangeForm(text, "scope", text, "audience", text), form)
			c.ask(t, http.MethodPost, path, exchangeForm(c.token, "scope", text), form)
			c.ask(t, http.MethodPost, path, exchangeForm(c.token, "audience", text), form)
			c.ask(t, http.MethodPost, path, exchangeForm(c.token, "requested_token_type", text), form)
		}
		c.ask(t, http.MethodGet, "/"+url.PathEscape(text), "")
		c.ask(t, http.MethodGet, pathTokens+"/"+url.PathEscape(text), "", bearer(c.token))
		c.ask(t, http.MethodGet, pathTokens+"?filters="+url.QueryEscape(`name eq "`+text+`"`), "", bearer(c.token))
		c.ask(t, http.MethodGet, pathTokens+"?sorters="+url.QueryEscape(text), "", bearer(c.token))
		talk(t, c.url, "GET / HTTP/1.1\r\nConnection: close\r\n"+text+"\r\n\r\n", soon)
		talk(t, c.url, text+" / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", soon)
		talk(t, c.url, "GET / HTTP/1.1\r\nHost: "+text+"\r\nConnection: close\r\n\r\n", soon)
		conn := dial(t, c.url)
		_, err := io.WriteString(conn, "POST "+pathToken+" HTTP/1.1\r\nHost: x\r\nContent-Type: "+formType+"\r\nContent-Length: 9999\r\n\r\nsubject_token="+text)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
}
