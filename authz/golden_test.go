package authz_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/pat"
)

var update = flag.Bool("update", false, "write the golden files")

// volatile is what differs from run to run, and what stands in for it.
var volatile = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`), "<jwt>"},
	{regexp.MustCompile(`"denial_id":"[0-9a-f]{32}"`), `"denial_id":"<id>"`},
	{regexp.MustCompile(`"jti":"[0-9a-f]{32}"`), `"jti":"<id>"`},
	{regexp.MustCompile(`Etag: ".*"`), `Etag: <tag>`},
	{regexp.MustCompile(`"(kid|x|y)":"[\w-]{43}"`), `"$1":"<$1>"`},
	{regexp.MustCompile(`max-age=\d+`), "max-age=<seconds>"},
}

// wire is an answer as it goes out, but for what is volatile.
func wire(answer *httptest.ResponseRecorder) string {
	var out strings.Builder
	_, _ = fmt.Fprintf(&out, "%d\n", answer.Code)
	var names []string
	for name := range answer.Header() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range answer.Header()[name] {
			_, _ = fmt.Fprintf(&out, "%s: %s\n", name, value)
		}
	}
	_, _ = fmt.Fprintf(&out, "\n%s\n", answer.Body)
	text := out.String()
	for _, part := range volatile {
		text = part.pattern.ReplaceAllString(text, part.name)
	}
	return text
}

func TestWireFormats(t *testing.T) {
	w := newWorld(t)
	fixed := func(owner directory.ID, id string, change func(*pat.Record)) pat.Token {
		return w.token(owner, func(r *pat.Record) {
			r.ID = pat.ID(id)
			if change != nil {
				change(r)
			}
		})
	}
	token := fixed(alice, "aa0000000000000000000000000000a1", func(r *pat.Record) { r.Expiration = start.Add(24 * time.Hour) })
	forever := fixed(alice, "aa0000000000000000000000000000a2", nil)
	expired := fixed(alice, "aa0000000000000000000000000000a3", func(r *pat.Record) { r.Expiration = start.Add(-time.Hour) })
	caller := fixed(admin, "aa0000000000000000000000000000a4", nil)
	jwt := w.jwt(t, token, api, "openid profile")
	client := url.Values{"grant_type": {"client_credentials"}}
	both := with(exchangeForm(token), "audience", api, orders)
	for name, answer := range map[string]*httptest.ResponseRecorder{
		"exchange":                 w.post(authz.PathToken, exchangeForm(token)),
		"exchange_several_targets": w.post(authz.PathToken, with(both, "scope", "openid")),
		"client_credentials":       w.post(authz.PathPATToken, with(client, "scope", pat.ScopeDefault), basicOf(forever)),
		"token_unproved":           w.post(authz.PathToken, with(exchangeForm(token), "subject_token", "x")),
		"token_denied":             w.post(authz.PathToken, exchangeForm(expired)),
		"token_client_unproved":    w.post(authz.PathToken, client, basic("x", "y")),
		"token_client_denied":      w.post(authz.PathToken, client, basicOf(expired)),
		"token_grant":              w.post(authz.PathToken, with(exchangeForm(token), "grant_type", "password")),
		"token_target":             w.post(authz.PathToken, with(exchangeForm(token), "audience", "x")),
		"token_scope":              w.post(authz.PathToken, with(exchangeForm(token), "scope", `"`)),
		"token_method":             w.do(http.MethodGet, authz.PathToken, nil),
		"token_too_large":          w.post(authz.PathToken, with(exchangeForm(token), "x", strings.Repeat("x", 64<<10))),
		"introspect_jwt":           w.post(authz.PathIntrospect, about(jwt), basicOf(caller)),
		"introspect_pat":           w.post(authz.PathIntrospect, about(text(token)), basicOf(caller)),
		"introspect_inactive":      w.post(authz.PathIntrospect, about("x"), basicOf(caller)),
		"introspect_nobody":        w.post(authz.PathIntrospect, about("x")),
		"introspect_right":         w.post(authz.PathIntrospect, about("x"), basicOf(token)),
		"revoke":                   w.post(authz.PathRevoke, about("x")),
		"userinfo":                 w.do(http.MethodGet, authz.PathUserinfo, nil, bearer(jwt)),
		"userinfo_nobody":          w.do(http.MethodGet, authz.PathUserinfo, nil),
		"userinfo_invalid":         w.do(http.MethodGet, authz.PathUserinfo, nil, bearer("x")),
		"metadata":                 w.do(http.MethodGet, authz.PathServer, nil),
		"metadata_management":      w.do(http.MethodGet, authz.PathManagementAPI, nil),
		"jwks":                     w.do(http.MethodGet, authz.PathJWKS, nil),
		"info":                     w.do(http.MethodGet, authz.PathInfo, nil),
		"unavailable":              unavailable(w, token),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".http")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o750))
				require.NoError(t, os.WriteFile(file, []byte(wire(answer)), 0o600))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), wire(answer))
		})
	}
}

func unavailable(w *world, token pat.Token) *httptest.ResponseRecorder {
	w.store.err = errTrouble
	defer func() { w.store.err = nil }()
	return w.post(authz.PathToken, exchangeForm(token))
}

// associated gives out what a test says.
type associated []credentials.Member

func (associated) Offers(*credentials.Claims) bool { return true }

func (a associated) Issue(_ context.Context, r *credentials.Request) (*credentials.Set, error) {
	return &credentials.Set{Members: a, Expiry: r.Expiry}, nil
}

// Credentials are flat members of the answer, strings all of them, and nowhere else.
func TestAnswerWithCredentials(t *testing.T) {
	const value = "a\"b\\c<\u2028\x01d"
	w := newWorld(t, func(e *exchange.Config, _ *authz.Config) {
		e.Credentials = associated{{Name: "db_username", Value: secret.New("cambio_1")}, {Name: "db_password", Value: secret.New(value)}}
	})
	token := w.token(alice, func(r *pat.Record) { r.Scope = []string{pat.ScopeAll, pat.ScopeCredentials} })
	for name, form := range map[string]url.Values{
		"exchange": exchangeForm(token),
		"client":   {"grant_type": {"client_credentials"}, "client_id": {string(token.ID())}, "client_secret": {token.Secret().Reveal()}},
	} {
		answer := w.post(authz.PathToken, with(form, "scope", "credentials"))
		require.Equal(t, http.StatusOK, answer.Code, "%s: %s", name, answer.Body)
		var told map[string]any
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &told))
		require.Equal(t, "cambio_1", told["db_username"])
		require.Equal(t, value, told["db_password"])
		require.Equal(t, "credentials", told["scope"])
		require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
		require.NotContains(t, fmt.Sprint(w.log.All()), "cambio_1")

		form.Del("scope")
		answer = w.post(authz.PathToken, form)
		require.Equal(t, http.StatusOK, answer.Code)
		require.NotContains(t, answer.Body.String(), "db_")
		require.NotContains(t, answer.Body.String(), "credentials")
	}
}
