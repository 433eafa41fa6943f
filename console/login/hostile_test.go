package login_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console/login"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/testenv/idp"
)

// broken answers a path as a server that fails.
func broken(path string) map[string]http.HandlerFunc {
	return serving(path, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<script>", http.StatusBadGateway) })
}

func serving(path string, handler http.HandlerFunc) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{path: handler}
}

// TestRefusesIDToken bends one thing of an ID token that is fine.
func TestRefusesIDToken(t *testing.T) {
	claim := func(name string, value any) idp.Knobs {
		return idp.Knobs{IDToken: func(c map[string]any) { c[name] = value }}
	}
	without := func(name string) idp.Knobs {
		return idp.Knobs{IDToken: func(c map[string]any) { delete(c, name) }}
	}
	payload := func(change func(string) string) idp.Knobs {
		return idp.Knobs{Signed: func(jws string) string {
			parts := strings.Split(jws, ".")
			raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
			parts[1] = base64.RawURLEncoding.EncodeToString([]byte(change(string(raw))))
			return strings.Join(parts, ".")
		}}
	}
	for name, knobs := range map[string]idp.Knobs{
		"iss of another":             claim("iss", "https://other.example.com"),
		"iss with a slash":           {IDToken: func(c map[string]any) { c["iss"] = fmt.Sprint(c["iss"], "/") }},
		"no iss":                     without("iss"),
		"aud of another":             claim("aud", "another"),
		"aud of others":              claim("aud", []string{"another", "third"}),
		"no aud":                     without("aud"),
		"aud is a number":            claim("aud", 1),
		"two aud, no azp":            claim("aud", []string{idp.ClientID, "another"}),
		"azp of another":             claim("azp", "another"),
		"two aud, azp of another":    {IDToken: func(c map[string]any) { c["aud"], c["azp"] = []string{idp.ClientID, "another"}, "another" }},
		"expired":                    claim("exp", time.Now().Add(-time.Second).Unix()),
		"no exp":                     without("exp"),
		"exp is text":                claim("exp", "tomorrow"),
		"expired, with EXP":          {IDToken: func(c map[string]any) { c["exp"], c["EXP"] = 1, c["exp"] }},
		"iat in the future":          claim("iat", time.Now().Add(time.Hour).Unix()),
		"no iat":                     without("iat"),
		"not valid yet":              claim("nbf", time.Now().Add(time.Hour).Unix()),
		"nonce of another":           claim("nonce", strings.Repeat("A", 43)),
		"no nonce":                   without("nonce"),
		"nonce by another name":      {IDToken: func(c map[string]any) { c["Nonce"] = c["nonce"]; delete(c, "nonce") }},
		"no sub":                     without("sub"),
		"empty sub":                  claim("sub", ""),
		"blank sub":                  claim("sub", " "),
		"sub is a number":            claim("sub", 1),
		"sub is too long":            claim("sub", strings.Repeat("a", 256)),
		"sub with a control":         claim("sub", "a\u0000b"),
		"sub with a direction":       claim("sub", "a\u202eb"),
		"SUB in place of sub":        {IDToken: func(c map[string]any) { c["SUB"] = c["sub"]; delete(c, "sub") }},
		"hash of another token":      claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"empty hash":                 claim("at_hash", ""),
		"name is a number":           claim("name", 1),
		"verified is a number":       claim("email_verified", 1),
		"alg none":                   {Alg: "none"},
		"HS256 with the public key":  {Alg: "HS256"},
		"signed by another key":      {Key: "another"},
		"changed after it was":       payload(func(p string) string { return strings.Replace(p, "a-1", "a-2", 1) }),
		"no signature":               {Signed: func(jws string) string { return jws[:strings.LastIndex(jws, ".")+1] }},
		"no JWS":                     {Signed: func(string) string { return "eyJ" }},
		"none at all":                {Token: func(b map[string]any) { delete(b, "id_token") }},
		"it is a number":             {Token: func(b map[string]any) { b["id_token"] = 1 }},
		"no access token":            {Token: func(b map[string]any) { delete(b, "access_token") }},
		"huge":                       claim("x", strings.Repeat("a", 100<<10)),
		"claim names are a list":     claim("_claim_names", []string{groups}),
		"key of no kind in the set":  {Keys: func(k map[string]any) { k["keys"] = []any{map[string]any{"kty": "oct", "kid": "ES256", "k": "AAAA"}} }},
		"set without keys":           {Keys: func(k map[string]any) { k["keys"] = []any{} }},
		"key set signs with another": {Keys: func(k map[string]any) { keySwap(k) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.idp.Bend(knobs)
			person, err := w.login()
			require.ErrorIs(t, err, login.ErrToken)
			require.Zero(t, person)

			w.idp.Bend(idp.Knobs{})
			_, err = w.login()
			require.NoError(t, err, "it is the one thing that differs")
		})
	}
}

// keySwap gives each key the id of the other.
func keySwap(set map[string]any) {
	list, _ := set["keys"].([]any)
	first, _ := list[0].(map[string]any)
	second, _ := list[1].(map[string]any)
	first["kid"], second["kid"] = second["kid"], first["kid"]
}

// TestTwicePresentClaim: of a claim that is there twice readers could see different ones.
func TestTwicePresentClaim(t *testing.T) {
	w := newWorld(t)
	for _, doubled := range []string{`{"sub":"a-1","sub":"a-2"}`, `{"sub":"a-1","iss":"x","iss":"x"}`} {
		w.idp.Bend(idp.Knobs{
			IDToken: func(c map[string]any) { delete(c, groups) },
			Serve: serving(idp.PathUserInfo, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, doubled)
			}),
		})
		_, err := w.login()
		require.ErrorIs(t, err, login.ErrToken)
	}
}

// TestRefusesCallback bends one thing of a callback that is fine.
func TestRefusesCallback(t *testing.T) {
	change := func(name, value string) func(*login.Attempt, url.Values) {
		return func(_ *login.Attempt, q url.Values) { q.Set(name, value) }
	}
	for name, tc := range map[string]struct {
		bend func(*login.Attempt, url.Values)
		want error // nil: a *RefusedError
	}{
		"state of another":         {change("state", strings.Repeat("A", 43)), login.ErrState},
		"no state":                 {func(_ *login.Attempt, q url.Values) { q.Del("state") }, login.ErrState},
		"state twice":              {func(_ *login.Attempt, q url.Values) { q.Add("state", q.Get("state")) }, login.ErrState},
		"code twice":               {func(_ *login.Attempt, q url.Values) { q.Add("code", "x") }, login.ErrState},
		"no login under way":       {func(a *login.Attempt, _ url.Values) { *a = login.Attempt{} }, login.ErrState},
		"nor any state":            {func(a *login.Attempt, q url.Values) { *a = login.Attempt{}; q.Del("state") }, login.ErrState},
		"another provider answers": {change("iss", "https://other.example.com"), login.ErrState},
		"nobody says who answers":  {func(_ *login.Attempt, q url.Values) { q.Del("iss") }, login.ErrState},
		"another denies":           {func(_ *login.Attempt, q url.Values) { q.Set("error", "access_denied"); q.Set("iss", "x") }, login.ErrState},
		"no code":                  {func(_ *login.Attempt, q url.Values) { q.Del("code") }, login.ErrToken},
		"long code":                {change("code", strings.Repeat("A", 10<<10)), login.ErrToken},
		"code of nobody":           {change("code", "guessed"), nil},
		"verifier of another":      {func(a *login.Attempt, _ url.Values) { a.Verifier = strings.Repeat("A", 43) }, nil},
		"nonce of another":         {func(a *login.Attempt, _ url.Values) { a.Nonce = strings.Repeat("A", 43) }, login.ErrToken},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			attempt, query := w.begin()
			tc.bend(&attempt, query)
			_, err := w.party.Finish(t.Context(), attempt, query)
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want)
			} else {
				var refusal *login.RefusedError
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, "invalid_grant", refusal.Code)
				require.NotContains(t, err.Error(), "script")
			}
			if tc.want == login.ErrState { //nolint:errorlint // of the table
				require.Zero(t, w.idp.Requests(idp.PathToken), "no code was sent anywhere")
			}
		})
	}
}

// TestSwappedLogins: two browsers that swap their callbacks get nothing of each other,
// in whole or in part.
func TestSwappedLogins(t *testing.T) {
	w := newWorld(t)
	mine, myQuery := w.begin()
	theirs, theirQuery := w.begin()
	_, err := w.party.Finish(t.Context(), mine, theirQuery)
	require.ErrorIs(t, err, login.ErrState)

	injected := url.Values{"state": myQuery["state"], "iss": myQuery["iss"], "code": theirQuery["code"]}
	_, err = w.party.Finish(t.Context(), mine, injected)
	var refusal *login.RefusedError
	require.ErrorAs(t, err, &refusal, "PKCE binds the code")

	w.idp.Bend(idp.Knobs{IgnorePKCE: true, ReuseCodes: true})
	_, err = w.party.Finish(t.Context(), mine, injected)
	require.ErrorIs(t, err, login.ErrToken, "and where the provider does not look, the nonce does")
	_, err = w.party.Finish(t.Context(), theirs, theirQuery)
	require.NoError(t, err)
}

func TestReplayedCode(t *testing.T) {
	w := newWorld(t)
	attempt, query := w.begin()
	_, err := w.party.Finish(t.Context(), attempt, query)
	require.NoError(t, err)
	_, err = w.party.Finish(t.Context(), attempt, query)
	var refusal *login.RefusedError
	require.ErrorAs(t, err, &refusal)
}

func TestIssuerParameterIsOptional(t *testing.T) {
	w := newWorld(t)
	w.idp.Bend(idp.Knobs{
		Metadata:  func(m map[string]any) { delete(m, "authorization_response_iss_parameter_supported") },
		Authorize: func(q url.Values) { q.Del("iss") },
	})
	_, err := w.login()
	require.NoError(t, err)
}

// TestRefusesMetadata bends one thing of the discovery document.
func TestRefusesMetadata(t *testing.T) {
	set := func(name string, value any) func(map[string]any) {
		return func(m map[string]any) { m[name] = value }
	}
	for name, bend := range map[string]func(map[string]any){
		"issuer of another":        set("issuer", "https://other.example.com"),
		"issuer with a slash":      func(m map[string]any) { m["issuer"] = fmt.Sprint(m["issuer"], "/") },
		"no issuer":                set("issuer", ""),
		"authorization by http":    set("authorization_endpoint", "http://idp.example.com/a"),
		"authorization by script":  set("authorization_endpoint", "javascript:alert(1)"),
		"authorization with user":  set("authorization_endpoint", "https://a@b/"),
		"a host for the CSP":       set("authorization_endpoint", "https://a;script-src/"),
		"no authorization":         set("authorization_endpoint", ""),
		"token by http":            set("token_endpoint", "http://idp.example.com/t"),
		"no token endpoint":        set("token_endpoint", nil),
		"keys by http":             set("jwks_uri", "http://idp.example.com/k"),
		"keys in a file":           set("jwks_uri", "file:///etc/passwd"),
		"userinfo by http":         set("userinfo_endpoint", "http://idp.example.com/u"),
		"logout by http":           set("end_session_endpoint", "http://idp.example.com/l"),
		"only none":                set("id_token_signing_alg_values_supported", []string{"none"}),
		"only HMAC":                set("id_token_signing_alg_values_supported", []string{"HS256", "HS512"}),
		"only private_key_jwt":     set("token_endpoint_auth_methods_supported", []string{"private_key_jwt"}),
		"the methods are a number": set("token_endpoint_auth_methods_supported", 1),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.idp.Bend(idp.Knobs{Metadata: bend})
			_, _, err := w.party.Begin(t.Context())
			require.ErrorIs(t, err, login.ErrProvider)
			require.NotErrorIs(t, err, fault.ErrUnavailable)
			_, ok := w.party.LogoutURL(t.Context(), w.config.ClientSecret)
			require.False(t, ok)
		})
	}
}

// TestUnreachable: a provider that fails, at each place, leaves nobody waiting, and no
// one takes that for a refusal.
func TestUnreachable(t *testing.T) {
	endless := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"issuer":"`)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("a", 1<<16)); err != nil {
				return
			}
		}
	}
	for _, path := range []string{idp.PathDiscovery, idp.PathToken, idp.PathKeys, idp.PathUserInfo} {
		for name, handler := range map[string]http.HandlerFunc{
			"fails": broken(path)[path],
			"hangs": func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() },
			"trickles": func(w http.ResponseWriter, r *http.Request) {
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			},
			"redirects": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, path, http.StatusTemporaryRedirect) },
			"hangs up":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"endless":   endless,
		} {
			t.Run(path+" "+name, func(t *testing.T) {
				w := newWorld(t, impatient)
				knobs := idp.Knobs{Serve: serving(path, handler)}
				if path == idp.PathUserInfo {
					knobs.IDToken = func(c map[string]any) { delete(c, groups) }
				}
				w.idp.Bend(knobs)
				to, attempt, err := w.party.Begin(t.Context())
				if path != idp.PathDiscovery {
					require.NoError(t, err)
					_, err = w.party.Finish(t.Context(), attempt, w.idp.Authorize(t, to))
				}
				require.Error(t, err)
				require.NotErrorIs(t, err, login.ErrState)
				require.ErrorIs(t, err, fault.ErrUnavailable)
				if name != "hangs up" { // once more by the transport, if the connection was used before
					require.Equal(t, 1, w.idp.Requests(path), "it is not asked again, nor followed")
				}
				require.Less(t, len(err.Error()), 1000)
				require.NotContains(t, err.Error(), "\n")
			})
		}
	}
}

// TestDiscoveryIsShared: who come together wait for one answer, and one who leaves
// takes nothing from the others.
func TestDiscoveryIsShared(t *testing.T) {
	w := newWorld(t)
	asked, release := make(chan struct{}), make(chan struct{})
	w.idp.Bend(idp.Knobs{Metadata: func(map[string]any) {
		close(asked)
		<-release
	}})
	leaving, leave := context.WithCancel(t.Context())
	var left error
	var all sync.WaitGroup
	all.Go(func() { _, _, left = w.party.Begin(leaving) })
	<-asked
	errs := make([]error, 20)
	for i := range errs {
		all.Go(func() { _, _, errs[i] = w.party.Begin(t.Context()) })
	}
	leave()
	close(release)
	all.Wait()
	if left != nil {
		require.ErrorIs(t, left, fault.ErrUnavailable)
	}
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, 1, w.idp.Requests(idp.PathDiscovery))
}

// TestDiscoveryIsTriedAgain, but not by each who comes; and what was read is read anew
// at times.
func TestDiscoveryIsTriedAgain(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	advance := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	w := newWorld(t, func(c *login.Config) {
		c.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		}
	})
	begin := func() error {
		_, _, err := w.party.Begin(t.Context())
		return err
	}
	w.idp.Bend(idp.Knobs{Serve: broken(idp.PathDiscovery)})
	require.ErrorIs(t, begin(), fault.ErrUnavailable)
	w.idp.Bend(idp.Knobs{})
	require.ErrorIs(t, begin(), fault.ErrUnavailable)
	require.Equal(t, 1, w.idp.Requests(idp.PathDiscovery), "a moment ago it failed")
	advance(3 * time.Second)
	require.NoError(t, begin())
	advance(59 * time.Minute)
	require.NoError(t, begin())
	require.Equal(t, 2, w.idp.Requests(idp.PathDiscovery))

	advance(2 * time.Minute)
	w.idp.Bend(idp.Knobs{Serve: broken(idp.PathDiscovery)})
	require.NoError(t, begin(), "what was read is good enough while it cannot be read")
	require.NoError(t, begin())
	require.Equal(t, 3, w.idp.Requests(idp.PathDiscovery))
	advance(3 * time.Second)
	w.idp.Bend(idp.Knobs{Metadata: func(m map[string]any) { m["issuer"] = "https://other.example.com" }})
	require.ErrorIs(t, begin(), login.ErrProvider)
}

// TestNewKeys: a provider may change its key at any time.
func TestNewKeys(t *testing.T) {
	w := newWorld(t)
	w.idp.Bend(idp.Knobs{Keys: func(k map[string]any) {
		list, _ := k["keys"].([]any)
		k["keys"] = list[:1]
	}})
	_, err := w.login()
	require.NoError(t, err)
	w.idp.Bend(idp.Knobs{Alg: "RS256"})
	_, err = w.login()
	require.NoError(t, err)
	require.Equal(t, 2, w.idp.Requests(idp.PathKeys))
}
