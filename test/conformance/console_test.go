package conformance

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/internal/testenv/idp"
)

// site is a server whose console people log in to by a provider.
type site struct {
	idp    *idp.Provider
	config string   // the file of one process
	admin  *browser // in which who set it up is signed in; a case forks it

	secure  *browser // at another server, by https; a case forks it
	entered answer   // by which it was signed in there
}

// consoleConfig is the configuration of a process of it.
const consoleConfig = `issuer: %[1]s
listen: {addr: "%[2]s", adminAddr: ""}
store: {url: "%[3]s", %[4]s}
masterKey: {file: "%[5]s/master.key"}
audit: {dir: "%[5]s/audit"}
token: {defaultAudience: "` + ordersAudience + `"}
services: [{audience: "` + ordersAudience + `", scopes: "*"}]
login: {issuer: "%[6]s", clientId: ` + idp.ClientID + `, clientSecretFile: "%[5]s/client.secret", createUnknown: true}
`

// consolePeople can log in by the provider.
func consolePeople() map[string]idp.Person {
	people := map[string]idp.Person{}
	for _, name := range []string{"dora", "emil", "fay", "gus"} {
		people[name] = idp.Person{Subject: "subject of " + name, Claims: map[string]any{
			"name": name, "preferred_username": name, "email": name + "@example.com",
		}}
	}
	return people
}

// newConsole is two processes of cambio serve on a Redis server, and cambio dev by https.
func newConsole(t *testing.T) *world {
	t.Helper()
	redis := testenv.Redis(t, testenv.RedisOptions{})
	w := newSite(t, redis.URL(), 2)
	w.redis = redis
	secure := testenv.Dev(t, "--https")
	by := newDevWorld(secure, nil, nil)
	by.addr = secure.Info.TLSAddr
	w.site.secure = by.stranger()
	w.site.entered = w.site.secure.post(t, "/console/link", "token="+found(t, secure.Info.ConsoleURL, `token=(\S+)`))
	require.Equal(t, http.StatusSeeOther, w.site.entered.Status, w.site.entered.Body)
	w.site.admin = w.setUp(t)
	return w
}

// idOnPage matches who is signed in, on the page about them.
const idOnPage = `id="my-id">([^<]+)<`

// newSite starts as many processes of cambio serve as the store takes. The link that sets
// it up is the variable setup.
func newSite(t *testing.T, store string, processes int) *world {
	t.Helper()
	dir, provider := t.TempDir(), idp.New(t, consolePeople())
	writeFile(t, dir, "client.secret", idp.ClientSecret)
	w := &world{
		auditDir: filepath.Join(dir, "audit"), vars: map[string]string{}, turn: new(atomic.Int64), site: &site{idp: provider},
		stderr: func() string { return "" },
	}
	durability := "durability: best-effort"
	if store == "" {
		store, durability = "bolt:"+dir+"/cambio.db", ""
	}
	for i := range processes {
		addr := "127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))
		if i == 0 {
			w.issuer, w.addr = "http://"+addr, "http://"+addr
		}
		config := fmt.Sprintf(consoleConfig, w.issuer, addr, store, durability, dir, provider.URL)
		if i == 0 {
			provider.Register(w.issuer+"/console/login/callback", w.issuer+"/console/logout")
			w.site.config = writeFile(t, dir, "cambio.yaml", config)
			printed := command(t, "init", "--config", w.site.config)
			w.vars["setup"] = found(t, printed, `/console/setup\?token=(\S+)`)
		}
		server := testenv.Serve(t, testenv.ServeOptions{Config: config, URL: "http://" + addr})
		w.client, w.replica = server.Client(), "http://"+addr
	}
	return w
}

// setUp makes the first administrator, who stays signed in. Everyone may use tokens.
func (w *world) setUp(t *testing.T) *browser {
	t.Helper()
	b := w.stranger()
	got := b.post(t, "/console/setup", "token="+w.vars["setup"], "username=root", "displayName=Root", "who=everyone")
	require.Equal(t, "/console/?done=set-up", got.location(), got.Body)
	return b
}

// browser is one person's.
type browser struct {
	w       *world
	cookie  string // name=value of the session; empty: none
	replica bool   // goes to the other process
}

// stranger is a browser in which nobody is signed in.
func (w *world) stranger() *browser { return &browser{w: w} }

// login is a browser in which somebody has logged in by the provider.
func (w *world) login(t *testing.T, name string) *browser {
	t.Helper()
	b := w.stranger()
	got := b.login(t, name, "")
	require.Equal(t, http.StatusSeeOther, got.Status, got.Body)
	require.True(t, b.signedIn(t))
	return b
}

// fork is the same browser, of which what becomes of its cookie is not told to the first.
func (b *browser) fork() *browser {
	forked := *b
	return &forked
}

// elsewhere is the same browser, at the other process.
func (b *browser) elsewhere() *browser {
	forked := b.fork()
	forked.replica = !b.replica
	return forked
}

// begin begins a login and returns the URL at the provider.
func (b *browser) begin(t *testing.T, to string) *url.URL {
	t.Helper()
	got := b.post(t, "/console/login", "return="+to)
	require.Equal(t, http.StatusSeeOther, got.Status, got.Body)
	at, err := url.Parse(got.location())
	require.NoError(t, err)
	return at
}

// login logs somebody in, and returns the answer to the callback.
func (b *browser) login(t *testing.T, name, to string) answer {
	t.Helper()
	return b.callback(t, b.answered(t, name, b.begin(t, to)))
}

// answered is what the provider answers to a login.
func (b *browser) answered(t *testing.T, name string, login *url.URL) url.Values {
	t.Helper()
	b.w.site.idp.As(name)
	return b.w.site.idp.Authorize(t, login.String())
}

// callback brings an answer of the provider back.
func (b *browser) callback(t *testing.T, query url.Values) answer {
	t.Helper()
	return b.get(t, "/console/login/callback?"+query.Encode())
}

// signedIn reports whether somebody is signed in here; else the console leads to the login.
func (b *browser) signedIn(t *testing.T) bool {
	t.Helper()
	got := b.get(t, "/console/")
	if got.Status == http.StatusOK {
		return true
	}
	require.Equal(t, http.StatusSeeOther, got.Status, got.Body)
	require.Equal(t, "/console/login", got.location())
	return false
}

// see opens a page that there must be.
func (b *browser) see(t *testing.T, path string) string {
	t.Helper()
	got := b.get(t, path)
	require.Equal(t, http.StatusOK, got.Status, "%s: %s", path, got.Body)
	return got.Body
}

// do posts a form that must be taken, and returns where it leads.
func (b *browser) do(t *testing.T, path string, form ...string) string {
	t.Helper()
	got := b.post(t, path, form...)
	require.Equal(t, http.StatusSeeOther, got.Status, "%s: %s", path, got.Body)
	return got.location()
}

func (b *browser) get(t *testing.T, path string) answer {
	t.Helper()
	return b.send(t, get(path))
}

// post sends a form of the console's own, of name=value.
func (b *browser) post(t *testing.T, path string, form ...string) answer {
	t.Helper()
	return b.send(t, formOf(path, form...).with(head("Sec-Fetch-Site", "same-origin")))
}

// formOf is a form of which it is not said whose page it is on.
func formOf(path string, form ...string) Request {
	return Request{Method: http.MethodPost, Path: path, Form: append([]string{}, form...)}
}

// send sends a request, again while the store is slow, and takes the cookie of the answer.
func (b *browser) send(t *testing.T, request Request) answer {
	t.Helper()
	request.Replica = b.replica
	if b.cookie != "" {
		request = request.with(head("Cookie", b.cookie))
	}
	got := b.w.patiently(t, Step{Request: request})
	for _, cookie := range got.cookies() {
		b.cookie = cookie.Name + "=" + cookie.Value
		if cookie.MaxAge < 0 {
			b.cookie = ""
		}
	}
	return got
}

func (a answer) location() string { return a.Header.Get("Location") }

func (a answer) cookies() []*http.Cookie { return (&http.Response{Header: a.Header}).Cookies() }

// found returns what the one group of a pattern matches in a page.
func found(t *testing.T, page, pattern string) string {
	t.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(page)
	require.NotNil(t, match, "%s in %s", pattern, page)
	return match[1]
}
