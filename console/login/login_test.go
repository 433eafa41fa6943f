package login_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console/login"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/testenv/idp"
)

func TestLogin(t *testing.T) {
	for _, alg := range []string{"ES256", "RS256"} {
		t.Run(alg, func(t *testing.T) {
			w := newWorld(t)
			require.Zero(t, w.idp.Requests(idp.PathDiscovery), "nothing is asked before the first login")
			w.idp.Bend(idp.Knobs{Alg: alg})
			person, err := w.login()
			require.NoError(t, err)
			require.Greater(t, len(person.IDToken.Reveal()), 100)
			require.NotContains(t, fmt.Sprintf("%+v", person), person.IDToken.Reveal())
			person.IDToken = secret.Text{}
			require.Equal(t, login.Person{
				Issuer: w.idp.URL, Subject: "a-1", Key: "a-1", Username: "alice", DisplayName: "Alice", Email: "alice@example.com",
				Groups: []string{"clerks", "staff"},
			}, person)
			require.Zero(t, w.idp.Requests(idp.PathUserInfo), "the ID token told everything")
		})
	}
}

// TestBegin: each value is new and unguessable, and the URL tells none of what only
// the console may know.
func TestBegin(t *testing.T) {
	w := newWorld(t)
	seen := map[string]bool{}
	for range 3 {
		to, attempt, err := w.party.Begin(t.Context())
		require.NoError(t, err)
		u, err := url.Parse(to)
		require.NoError(t, err)
		query := u.Query()
		require.Equal(t, "code", query.Get("response_type"))
		require.Equal(t, "openid profile email", query.Get("scope"))
		require.Equal(t, redirect, query.Get("redirect_uri"))
		require.Equal(t, "S256", query.Get("code_challenge_method"))
		require.Equal(t, attempt.State, query.Get("state"))
		require.Equal(t, attempt.Nonce, query.Get("nonce"))
		require.NotContains(t, to, attempt.Verifier)
		require.NotContains(t, to, url.QueryEscape(idp.ClientSecret))
		for _, value := range []string{attempt.State, attempt.Nonce, attempt.Verifier} {
			require.Len(t, value, 43, "256 bits")
			require.False(t, seen[value])
			seen[value] = true
		}
		kept, err := json.Marshal(attempt)
		require.NoError(t, err)
		var again login.Attempt
		require.NoError(t, json.Unmarshal(kept, &again))
		require.Equal(t, attempt, again)
	}
	require.Equal(t, 1, w.idp.Requests(idp.PathDiscovery), "the metadata is kept")
}

func TestClientAuthentication(t *testing.T) {
	for name, methods := range map[string]any{
		"basic": []string{"client_secret_basic"}, "post": []string{"client_secret_post"}, "not said": nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.idp.Bend(idp.Knobs{Metadata: func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = methods }})
			_, err := w.login()
			require.NoError(t, err)
			require.Equal(t, 1, w.idp.Requests(idp.PathToken), "not by trying")
		})
	}
}

// TestUserInfo: what the ID token lacks is asked for, of the same person.
func TestUserInfo(t *testing.T) {
	w := newWorld(t, func(c *login.Config) { c.Claim = "employee" })
	w.idp.Put("alice", idp.Person{Subject: "a-1", UserInfo: map[string]any{
		"employee": "7", "preferred_username": "al", groups: "clerks", "email": "a@example.com", "email_verified": false,
	}})
	person, err := w.login()
	require.NoError(t, err)
	require.Equal(t, "7", person.Key)
	require.Equal(t, "al", person.Username)
	require.Equal(t, []string{"clerks"}, person.Groups, "a single text is a list of one")
	require.Empty(t, person.Email, "it is not verified")
	require.Empty(t, person.DisplayName)

	w.idp.Bend(idp.Knobs{UserInfo: func(c map[string]any) { c["sub"] = "a-2" }})
	_, err = w.login()
	require.ErrorIs(t, err, login.ErrToken)

	w.idp.Bend(idp.Knobs{IDToken: func(c map[string]any) { c["employee"], c["name"] = "8", "In the token" }})
	person, err = w.login()
	require.NoError(t, err)
	require.Equal(t, "8", person.Key, "the ID token comes first")
	require.Equal(t, "In the token", person.DisplayName)

	w.idp.Bend(idp.Knobs{UserInfo: func(c map[string]any) { delete(c, "employee") }})
	_, err = w.login()
	require.ErrorIs(t, err, login.ErrToken, "nobody has the claim")
}

// TestUserInfoIsSpared: a name is not worth a login.
func TestUserInfoIsSpared(t *testing.T) {
	w := newWorld(t)
	knobs := idp.Knobs{IDToken: func(c map[string]any) { delete(c, "name") }, Serve: broken(idp.PathUserInfo)}
	w.idp.Bend(knobs)
	person, err := w.login()
	require.NoError(t, err)
	require.Empty(t, person.DisplayName)
	require.Equal(t, 1, w.idp.Requests(idp.PathUserInfo))

	knobs.IDToken = func(c map[string]any) { delete(c, groups) }
	w.idp.Bend(knobs)
	_, err = w.login()
	require.Error(t, err, "groups are: without them they would all be lost")
}

func TestGroups(t *testing.T) {
	for name, tc := range map[string]struct {
		claim any
		want  []string
		err   error
	}{
		"list":               {claim: []string{"a", "b"}, want: []string{"a", "b"}},
		"text":               {claim: "a", want: []string{"a"}},
		"twice":              {claim: []string{"a", "a"}, want: []string{"a"}},
		"empty list":         {claim: []string{}},
		"empty text":         {claim: ""},
		"null":               {claim: nil},
		"with an empty text": {claim: []string{"", "a"}, want: []string{"a"}},
		"number":             {claim: 1, err: login.ErrToken},
		"list with a number": {claim: []any{"a", 1}, err: login.ErrToken},
		"list with null":     {claim: []any{"a", nil}, err: login.ErrToken},
		"nested":             {claim: []any{[]string{"a"}}, err: login.ErrToken},
		"object":             {claim: map[string]any{"a": true}, err: login.ErrToken},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.idp.Put("alice", idp.Person{Subject: "a-1", Claims: map[string]any{groups: tc.claim}})
			person, err := w.login()
			require.ErrorIs(t, err, tc.err)
			require.Equal(t, tc.want, person.Groups)
		})
	}
}

// TestOverage: a token that only refers to the groups must not look like one of
// somebody who is in none.
func TestOverage(t *testing.T) {
	w := newWorld(t)
	w.idp.Bend(idp.Knobs{IDToken: func(c map[string]any) {
		delete(c, groups)
		c["_claim_names"] = map[string]any{groups: "src1"}
		c["_claim_sources"] = map[string]any{"src1": map[string]any{"endpoint": "https://graph.example.com/me"}}
	}})
	_, err := w.login()
	require.ErrorIs(t, err, login.ErrOverage)
}

func TestOtherOverageIsNoMatter(t *testing.T) {
	w := newWorld(t)
	w.idp.Bend(idp.Knobs{IDToken: func(c map[string]any) {
		c["_claim_names"] = map[string]any{"address": "src1"}
		c["_claim_sources"] = map[string]any{"src1": map[string]any{"endpoint": "https://graph.example.com/me"}}
	}})
	_, err := w.login()
	require.NoError(t, err)
}

func TestLogout(t *testing.T) {
	w := newWorld(t)
	person, err := w.login()
	require.NoError(t, err)
	to, ok := w.party.LogoutURL(t.Context(), person.IDToken)
	require.True(t, ok)
	require.Equal(t, postLogout, w.idp.LogOut(t, to).String())
	to, ok = w.party.LogoutURL(t.Context(), secret.Text{})
	require.True(t, ok)
	require.Equal(t, postLogout, w.idp.LogOut(t, to).String())
	to, ok = w.party.LogoutURL(t.Context(), secret.New(string(make([]byte, 5000))))
	require.True(t, ok)
	require.Less(t, len(to), 1000, "too long a hint is left out")
	require.Equal(t, []string{"a-1", ""}, w.idp.LoggedOut())
}

func TestLogoutAtNoPlace(t *testing.T) {
	w := newWorld(t)
	w.idp.Bend(idp.Knobs{Metadata: func(m map[string]any) {
		delete(m, "end_session_endpoint")
		m["authorization_endpoint"] = "https://Login.example.com:8443/a?b=c"
	}})
	_, ok := w.party.LogoutURL(t.Context(), secret.Text{})
	require.False(t, ok)
	to, _, err := w.party.Begin(t.Context())
	require.NoError(t, err)
	require.Contains(t, to, "https://Login.example.com:8443/a?b=c&")
}

// TestDenied: the provider's refusal is told by its code and nothing else of it.
func TestDenied(t *testing.T) {
	for given, code := range map[string]string{"access_denied": "access_denied", "<script>": "", "login_required": "login_required"} {
		w := newWorld(t)
		w.idp.Bend(idp.Knobs{Deny: given})
		_, err := w.login()
		var refusal *login.RefusedError
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, code, refusal.Code)
		require.NotContains(t, err.Error(), "script")
	}
}

func TestNeedsConfig(t *testing.T) {
	whole := newWorld(t).config
	for name, lacking := range map[string]func(*login.Config){
		"issuer":   func(c *login.Config) { c.Issuer = "" },
		"client":   func(c *login.Config) { c.ClientID = "" },
		"redirect": func(c *login.Config) { c.RedirectURL = "" },
		"clock":    func(c *login.Config) { c.Now = nil },
		"openid":   func(c *login.Config) { c.Scopes = []string{"profile"} },
	} {
		t.Run(name, func(t *testing.T) {
			config := whole
			lacking(&config)
			_, err := login.New(config)
			require.Error(t, err)
		})
	}
}

// TestClocks: a provider whose clock is a little ahead is believed.
func TestClocks(t *testing.T) {
	for ahead, fine := range map[time.Duration]bool{time.Minute: true, 3 * time.Minute: false} {
		w := newWorld(t)
		w.idp.Bend(idp.Knobs{IDToken: func(c map[string]any) { c["iat"] = time.Now().Add(ahead).Unix() }})
		_, err := w.login()
		require.Equal(t, fine, err == nil, "%v: %v", ahead, err)
	}
}
