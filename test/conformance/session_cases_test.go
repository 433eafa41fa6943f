package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/storage/redis"
)

// sessionCases are what a session of the console is, and when it ends (ASVS 3.3, 6, 7
// and 11).
func sessionCases() []Case {
	onSite := func(id, name string, run func(t *testing.T, w *world)) Case {
		return Case{ID: id, Name: name, On: onConsole, Run: run}
	}
	return []Case{
		onSite("C145", "by https", func(t *testing.T, w *world) {
			t.Helper()
			require.Regexp(t, `^__Host-cambio_session=[^;]+; Path=/; HttpOnly; Secure; SameSite=Lax$`, setCookie(t, w.site.entered))
		}),
		onSite("C145", "by http on this machine", func(t *testing.T, w *world) {
			t.Helper()
			b := w.stranger()
			require.Regexp(t, `^cambio_session=[^;]+; Path=/; HttpOnly; SameSite=Lax$`, setCookie(t, b.login(t, "dora", "")))
			require.Regexp(t, `^cambio_session=; Path=/; Expires=[^;]+; Max-Age=0; HttpOnly; SameSite=Lax$`, setCookie(t, b.post(t, "/console/logout")))
		}),
		onSite("C148", "a login", loginChangesSession),
		onSite("C148", "an id of somebody else's making", func(t *testing.T, w *world) {
			t.Helper()
			b := w.stranger()
			b.cookie = "cambio_session=" + strings.Repeat("A", 43)
			fixed := b.fork()
			b.begin(t, "")
			require.NotEqual(t, fixed.cookie, b.cookie)
			require.Equal(t, http.StatusSeeOther, b.login(t, "dora", "").Status)
			require.False(t, fixed.signedIn(t))
		}),
		onSite("C149", "idle", sessionIdles),
		onSite("C149", "age", sessionAges),
		onSite("C150", "logout", logoutEndsSession),
		onSite("C150", "disabled", disablingEndsSessions),
		onSite("C150", "ended by an administrator", administratorEndsSessions),
		onSite("C156", "session ids", sessionIDsAreRandom),
		onSite("C158", "wrong links", wrongLinksAreSlowed),
	}
}

// setCookie is the one cookie of an answer.
func setCookie(t *testing.T, got answer) string {
	t.Helper()
	require.Len(t, got.Header.Values("Set-Cookie"), 1)
	return got.Header.Get("Set-Cookie")
}

// sessionID is the random part of the cookie.
func (b *browser) sessionID(t *testing.T) []byte {
	t.Helper()
	_, value, _ := strings.Cut(b.cookie, "=")
	id, err := base64.RawURLEncoding.DecodeString(value)
	require.NoError(t, err, b.cookie)
	return id
}

// loginChangesSession logs in twice: each ends the session before.
func loginChangesSession(t *testing.T, w *world) {
	t.Helper()
	b := w.stranger()
	query := b.answered(t, "dora", b.begin(t, ""))
	before := b.fork()
	require.Equal(t, http.StatusSeeOther, b.callback(t, query).Status)
	first := b.fork()
	require.True(t, first.signedIn(t))
	require.Equal(t, http.StatusSeeOther, b.login(t, "emil", "").Status)
	require.GreaterOrEqual(t, len(b.sessionID(t))*8, 128)
	require.NotEqual(t, before.cookie, first.cookie)
	require.NotEqual(t, first.cookie, b.cookie)
	for name, old := range map[string]*browser{"before the login": before, "before the second": first} {
		require.False(t, old.fork().signedIn(t), name)
		require.False(t, old.elsewhere().signedIn(t), name)
	}
	require.True(t, b.signedIn(t))
	require.True(t, b.elsewhere().signedIn(t))
}

// The defaults, which are within what NIST SP 800-63B §2.2.3 has for AAL2: an hour and a
// day.
const (
	defaultIdle     = 30 * time.Minute
	defaultLifetime = 12 * time.Hour
)

// sessionIdles has sessions that were not used for a while.
func sessionIdles(t *testing.T, w *world) {
	t.Helper()
	require.LessOrEqual(t, defaultIdle, time.Hour)
	b := w.login(t, "dora")
	b.age(t, 2*time.Hour, defaultIdle-time.Minute)
	require.True(t, b.signedIn(t))
	b.age(t, 2*time.Hour, defaultIdle)
	require.False(t, b.fork().signedIn(t))
	require.False(t, b.elsewhere().signedIn(t))
	require.Equal(t, http.StatusSeeOther, b.login(t, "dora", "").Status, "one logs in again")
}

// sessionAges has sessions that were used all the time.
func sessionAges(t *testing.T, w *world) {
	t.Helper()
	require.LessOrEqual(t, defaultLifetime, 24*time.Hour)
	b := w.login(t, "dora")
	b.age(t, defaultLifetime-time.Minute, 0)
	require.True(t, b.signedIn(t))
	b.age(t, defaultLifetime, 0)
	require.False(t, b.fork().signedIn(t))
	require.False(t, b.elsewhere().signedIn(t))
}

// age has the session as if it had begun, and been used last, so long ago. No clock of the
// product can be set, so what it keeps is.
func (b *browser) age(t *testing.T, begun, used time.Duration) {
	t.Helper()
	ctx := t.Context()
	db, err := redis.Open(ctx, redis.Config{Addrs: []string{b.w.redis.Addr()}, Durability: redis.BestEffort, Now: now})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, token, _ := strings.Cut(b.cookie, "=")
	hash := sha256.Sum256([]byte(token))
	key := "session/" + base64.RawURLEncoding.EncodeToString(hash[:])
	kept, ok, err := db.Kept().Get(ctx, key)
	require.NoError(t, err)
	require.True(t, ok, "no session is kept")
	var codec scs.GobCodec
	deadline, values, err := codec.Decode(kept)
	require.NoError(t, err)
	require.Contains(t, values, "signed_in")
	require.Contains(t, values, "used")
	values["signed_in"], values["used"] = now().Add(-begun).UnixMilli(), now().Add(-used).UnixMilli()
	kept, err = codec.Encode(deadline, values)
	require.NoError(t, err)
	require.NoError(t, db.Kept().Put(ctx, key, kept, time.Hour))
}

// over requires a session to be over, here and elsewhere, for good.
func (b *browser) over(t *testing.T) {
	t.Helper()
	for range 2 {
		require.False(t, b.elsewhere().signedIn(t))
		require.False(t, b.fork().signedIn(t))
	}
	require.Equal(t, "/console/login", b.fork().post(t, "/console/tokens/new", "name=stolen", "expires=30", "reach=all").location())
}

// logoutEndsSession has the cookie of a session used on that somebody logged out of.
func logoutEndsSession(t *testing.T, w *world) {
	t.Helper()
	b, another := w.login(t, "dora"), w.login(t, "dora")
	kept := b.fork()
	require.True(t, kept.elsewhere().signedIn(t))
	require.Equal(t, http.StatusOK, b.post(t, "/console/logout").Status)
	kept.over(t)
	require.True(t, another.signedIn(t), "it is a session of its own")
}

// personPath is the page of a person for an administrator.
func personPath(t *testing.T, b *browser) string {
	t.Helper()
	return "/console/people/" + found(t, b.see(t, "/console/me"), idOnPage)
}

// disablingEndsSessions disables somebody who is signed in.
func disablingEndsSessions(t *testing.T, w *world) {
	t.Helper()
	b, admin := w.login(t, "gus"), w.site.admin.fork()
	path := personPath(t, b)
	require.True(t, b.elsewhere().signedIn(t))
	require.Equal(t, path+"?done=person_disabled", admin.do(t, path+"/disable"))
	b.over(t)
	require.Equal(t, http.StatusForbidden, w.stranger().login(t, "gus", "").Status)
	require.Equal(t, path+"?done=person_enabled", admin.do(t, path+"/enable"))
	b.over(t)
	w.login(t, "gus")
}

// administratorEndsSessions logs somebody out everywhere.
func administratorEndsSessions(t *testing.T, w *world) {
	t.Helper()
	one, another, admin := w.login(t, "fay"), w.login(t, "fay"), w.site.admin.fork()
	require.True(t, another.elsewhere().signedIn(t))
	path := personPath(t, one)
	require.Equal(t, path+"?done=sessions_ended", admin.do(t, path+"/sessions"))
	one.over(t)
	another.over(t)
	require.True(t, admin.signedIn(t), "nobody else is logged out")
	w.login(t, "fay")
}

// sessionIDsAreRandom counts the bits of ids, of strangers and of those who logged in.
func sessionIDsAreRandom(t *testing.T, w *world) {
	t.Helper()
	const count = 120
	var set [256]int
	seen := map[string]bool{}
	for i := range count {
		b := w.stranger()
		if i%4 == 0 {
			b = w.login(t, "dora")
		} else {
			b.begin(t, "")
		}
		id := b.sessionID(t)
		require.Len(t, id, len(set)/8)
		require.False(t, seen[string(id)])
		seen[string(id)] = true
		for bit := range set {
			set[bit] += int(id[bit/8] >> (bit % 8) & 1)
		}
	}
	requireUnbiased(t, set[:], count)
}

// wrongLinksAreSlowed guesses links, and answers of the provider, from another network
// than the other cases. The console takes no secret that people think of: those are the
// provider's.
func wrongLinksAreSlowed(t *testing.T, w *world) {
	t.Helper()
	require.NotContains(t, w.stranger().see(t, "/console/login"), "password")
	client := w.from(t, "127.0.0.3")
	client.CheckRedirect = w.client.CheckRedirect
	guess := func(token string) answer {
		return w.sendBy(t, client, formOf("/console/link", "token="+token).with(head("Sec-Fetch-Site", "same-origin")))
	}
	wrong, tries := strings.Repeat("A", 43), 0
	got := guess(wrong)
	for ; got.Status == http.StatusNotFound && tries < 2000; tries++ {
		got = guess(wrong)
	}
	require.Equal(t, http.StatusTooManyRequests, got.Status, got.Body)
	require.Regexp(t, `^[1-9]\d*$`, got.Header.Get("Retry-After"))
	limited := 0
	for range 50 {
		for _, got := range []answer{guess(wrong), w.sendBy(t, client, get(callbackPath+"?state=a&code=b"))} {
			if got.Status == http.StatusTooManyRequests {
				limited++
			}
		}
	}
	require.Greater(t, limited, 50)
	link := found(t, command(t, "link", "--config", w.site.config, "root"), `token=(\S+)`)
	require.Equal(t, http.StatusSeeOther, guess(link).Status, "a right link is never locked out")
	require.Equal(t, http.StatusNotFound, w.stranger().post(t, "/console/link", "token="+wrong).Status, "another network is not slowed")
}
