package conformance

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/internal/testenv/idp"
)

// callbackPath is where the provider sends the browser back to.
const callbackPath = "/console/login/callback"

// loginCases are the console as a relying party (RFC 9700, ASVS 10.5).
func loginCases() []Case {
	const another = "https://other.example.com"
	claim := func(name string, value any) idp.Knobs {
		return idp.Knobs{IDToken: func(claims map[string]any) { claims[name] = value }}
	}
	without := func(name string) idp.Knobs {
		return idp.Knobs{IDToken: func(claims map[string]any) { delete(claims, name) }}
	}
	bent := func(id, name string, status int, knobs idp.Knobs) Case {
		return Case{ID: id, Name: name, On: onConsole, Run: func(t *testing.T, w *world) {
			t.Helper()
			refusesLogin(t, w, status, knobs)
		}}
	}
	onSite := func(id, name string, run func(t *testing.T, w *world)) Case {
		return Case{ID: id, Name: name, On: onConsole, Run: run}
	}
	return []Case{
		onSite("C123", "each redirect is 303", redirectsBy303),
		onSite("C124", "PKCE, state and nonce, other ones each time", loginsDiffer),
		onSite("C124", "of another browser", loginIsOfTheBrowser),
		onSite("C124", "the code of another login", codeIsOfTheLogin),
		onSite("C124", "the nonce of another login", nonceIsOfTheLogin),
		onSite("C124", "replayed", loginIsAnsweredOnce),
		bent("C125", "another issuer", http.StatusBadRequest, idp.Knobs{Authorize: func(q url.Values) { q.Set("iss", another) }}),
		bent("C125", "another issuer, and an error", http.StatusBadRequest, idp.Knobs{Deny: "access_denied", Authorize: func(q url.Values) { q.Set("iss", another) }}),
		bent("C125", "an issuer too many", http.StatusBadRequest, idp.Knobs{Authorize: func(q url.Values) { q.Add("iss", another) }}),
		bent("C125", "no issuer", http.StatusBadRequest, idp.Knobs{Authorize: func(q url.Values) { q.Del("iss") }}),
		onSite("C127", "where a login leads", leadsHome),
		bent("C155", "another nonce", http.StatusBadGateway, claim("nonce", strings.Repeat("A", 43))),
		bent("C155", "no nonce", http.StatusBadGateway, without("nonce")),
		bent("C155", "another iss", http.StatusBadGateway, claim("iss", another)),
		bent("C155", "another aud", http.StatusBadGateway, claim("aud", "another")),
		bent("C155", "an aud besides", http.StatusBadGateway, claim("aud", []string{idp.ClientID, "another"})),
		onSite("C155", "who somebody is", subjectDecides),
		{ID: "C155", Name: "the issuer of the metadata", On: onItsOwn, Run: metadataIsExact},
	}
}

// refusesLogin bends one thing of a login that is fine.
func refusesLogin(t *testing.T, w *world, status int, knobs idp.Knobs) {
	t.Helper()
	b := w.stranger()
	w.site.idp.Bend(knobs)
	defer w.site.idp.Bend(idp.Knobs{})
	got := b.login(t, "dora", "")
	require.Equal(t, status, got.Status, got.Body)
	require.False(t, b.signedIn(t))

	w.site.idp.Bend(idp.Knobs{})
	require.Equal(t, http.StatusSeeOther, b.login(t, "dora", "").Status, "it is the one thing that differs")
	require.True(t, b.signedIn(t))
}

// redirectsBy303 looks at every redirect on the way in and out: 307 would have the
// browser post the form again.
func redirectsBy303(t *testing.T, w *world) {
	t.Helper()
	b := w.stranger()
	require.Equal(t, http.StatusOK, b.get(t, "/console/login").Status, "a GET begins nothing")
	got := b.post(t, "/console/login", "return=/console/tokens")
	require.Equal(t, http.StatusSeeOther, got.Status)
	require.True(t, strings.HasPrefix(got.location(), w.site.idp.URL+idp.PathAuthorize+"?"), got.location())
	to, err := url.Parse(got.location())
	require.NoError(t, err)
	back := b.callback(t, b.answered(t, "dora", to))
	require.Equal(t, http.StatusSeeOther, back.Status)
	require.Equal(t, "/console/tokens", back.location())
	require.Equal(t, http.StatusSeeOther, w.stranger().post(t, "/console/tokens/new").Status)
	require.Equal(t, http.StatusSeeOther, w.stranger().post(t, "/console/logout").Status)
}

// loginsDiffer looks at what the browser is sent to the provider with.
func loginsDiffer(t *testing.T, w *world) {
	t.Helper()
	b, seen := w.stranger(), map[string]bool{}
	for range 5 {
		query := b.begin(t, "").Query()
		require.Equal(t, "code", query.Get("response_type"))
		require.Equal(t, "S256", query.Get("code_challenge_method"))
		require.Equal(t, w.issuer+callbackPath, query.Get("redirect_uri"))
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			require.Regexp(t, `^[A-Za-z0-9_-]{43}$`, query.Get(name), name) // 256 bits
			require.False(t, seen[query.Get(name)], name)
			seen[query.Get(name)] = true
		}
	}
}

// loginIsOfTheBrowser has an answer brought back by browsers that did not ask.
func loginIsOfTheBrowser(t *testing.T, w *world) {
	t.Helper()
	b, other := w.stranger(), w.stranger()
	query := b.answered(t, "dora", b.begin(t, ""))
	other.begin(t, "")
	for name, wrong := range map[string]*browser{"one that began another login": other, "one that began none": w.stranger()} {
		require.Equal(t, http.StatusBadRequest, wrong.callback(t, query).Status, name)
		require.False(t, wrong.signedIn(t), name)
	}
	require.Equal(t, http.StatusSeeOther, b.callback(t, query).Status)
	require.True(t, b.signedIn(t))
}

// codeIsOfTheLogin puts the code of one login into the answer to another (RFC 9700 §4.5):
// the provider has it proved by PKCE.
func codeIsOfTheLogin(t *testing.T, w *world) {
	t.Helper()
	b, other := w.stranger(), w.stranger()
	stolen := b.answered(t, "dora", b.begin(t, "")).Get("code")
	query := other.answered(t, "emil", other.begin(t, ""))
	query.Set("code", stolen)
	require.Equal(t, http.StatusForbidden, other.callback(t, query).Status)
	require.False(t, other.signedIn(t))
	require.Equal(t, http.StatusSeeOther, other.login(t, "emil", "").Status)
}

// nonceIsOfTheLogin puts the nonce of one login into the ID token of another.
func nonceIsOfTheLogin(t *testing.T, w *world) {
	t.Helper()
	nonce := w.stranger().begin(t, "").Query().Get("nonce")
	refusesLogin(t, w, http.StatusBadGateway, idp.Knobs{IDToken: func(claims map[string]any) { claims["nonce"] = nonce }})
}

// loginIsAnsweredOnce brings an answer back again, also one that was refused.
func loginIsAnsweredOnce(t *testing.T, w *world) {
	t.Helper()
	b := w.stranger()
	query := b.answered(t, "dora", b.begin(t, ""))
	before := b.fork()
	require.Equal(t, http.StatusSeeOther, b.callback(t, query).Status)
	for name, again := range map[string]*browser{"signed in": b, "as before": before, "elsewhere": before.elsewhere()} {
		require.Equal(t, http.StatusBadRequest, again.callback(t, query).Status, name)
	}
	require.True(t, b.signedIn(t), "who replays it to somebody does not sign them out")

	b = w.stranger()
	query = b.answered(t, "dora", b.begin(t, ""))
	wrong := url.Values{"state": {"another"}, "code": query["code"], "iss": query["iss"]}
	require.Equal(t, http.StatusBadRequest, b.callback(t, wrong).Status)
	require.Equal(t, http.StatusBadRequest, b.callback(t, query).Status, "there is one try")
	require.False(t, b.signedIn(t))
}

// leadsHome asks for a login to lead out of the console.
func leadsHome(t *testing.T, w *world) {
	t.Helper()
	b := w.stranger()
	for _, to := range []string{
		"https://evil.example.com", "//evil.example.com", `/\evil.example.com`, `\\evil.example.com`, "/console/../../evil", "/console//../..//evil.example.com",
		"javascript:alert(1)", "https:evil.example.com", "/console/\t/evil.example.com", "/console/\\@evil.example.com", "/api/v1", "/consolevil", w.issuer + "@evil.example.com/console/",
		"https://evil.example.com/console/", "//evil.example.com/console/", "",
	} {
		got := b.login(t, "dora", to)
		require.Equal(t, http.StatusSeeOther, got.Status, "%q: %s", to, got.Body)
		require.Equal(t, "/console/", got.location(), "%q", to)
		require.Equal(t, "/console/", b.get(t, "/console/login?return="+url.QueryEscape(to)).location(), "%q to who is signed in", to)
	}
	const inside = "/console/tokens?q=a"
	require.Equal(t, inside, b.login(t, "dora", inside).location())
	require.Equal(t, inside, b.get(t, "/console/login?return="+url.QueryEscape(inside)).location())
}

// subjectDecides logs in a person of whom everything but the subject has changed, and
// another one of whom nothing else is another.
func subjectDecides(t *testing.T, w *world) {
	t.Helper()
	id := func(b *browser) string { return found(t, b.see(t, "/console/me"), idOnPage) }
	dora, claims := id(w.login(t, "dora")), consolePeople()["dora"].Claims
	w.site.idp.Put("renamed", idp.Person{Subject: "subject of dora", Claims: map[string]any{"preferred_username": "root", "email": "root@example.com"}})
	require.Equal(t, dora, id(w.login(t, "renamed")))

	w.site.idp.Put("impostor", idp.Person{Subject: "Subject of dora", Claims: claims})
	b := w.stranger()
	if got := b.login(t, "impostor", ""); got.Status == http.StatusSeeOther {
		require.NotEqual(t, dora, id(b))
	} else {
		require.Equal(t, http.StatusForbidden, got.Status, got.Body)
		require.False(t, b.signedIn(t))
	}
}

// metadataIsExact has a provider that says it is another, by one slash.
func metadataIsExact(t *testing.T, _ *world) {
	t.Helper()
	w := newSite(t, "", 1)
	b := w.stranger()
	w.site.idp.Bend(idp.Knobs{Metadata: func(document map[string]any) { document["issuer"] = w.site.idp.URL + "/" }})
	got := b.post(t, "/console/login")
	require.Equal(t, http.StatusBadGateway, got.Status, got.Body)
	require.Empty(t, got.location())

	w.site.idp.Bend(idp.Knobs{})
	var asked time.Time // one network begins so many logins, and no more
	testenv.Wait(t, 10*time.Second, func() bool {
		if time.Since(asked) < 100*time.Millisecond {
			return false
		}
		asked = time.Now()
		return b.post(t, "/console/login").Status == http.StatusSeeOther
	})
	require.Equal(t, http.StatusSeeOther, b.login(t, "dora", "").Status, "it is the one thing that differs")
}
