package browser_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/test/console/browser"
)

func TestAPersonUsesAPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, change{`<p class="cut">`, `<p id="row"><button type="button">Revoke token</button></p><p class="cut">`})
	s.handle("POST /tokens", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "last", Value: "x", HttpOnly: true, SameSite: http.SameSiteStrictMode, Path: "/"})
		fmt.Fprint(w, document(fmt.Sprintf("<h1>Made %s, %s, %s, %s</h1>", r.FormValue("name"), r.FormValue("pat"), r.FormValue("end"), r.FormValue("day"))))
	})
	p := browser.Open(t, browser.Options{Base: s.URL})
	p.Goto("/")
	require.Equal(t, "RootWebArea", p.Focused().Role)
	p.Tab()
	require.Equal(t, `link "Skip to the tokens"`, p.Focused().String())
	p.Press("Enter")
	require.Equal(t, s.URL+"/#main", p.URL())

	p.Fill("Name", "first")
	p.Fill("Name", "Schlüssel 🔑 2")
	require.Equal(t, "Schlüssel 🔑 2", p.Value("Name"))
	require.Equal(t, browser.Focus{Role: "textbox", Name: "Name"}, p.Focused())
	p.Press("Control+a")
	p.Press("Delete")
	p.Type("ci")
	p.Click("Personal")
	p.Press("Space")
	p.Click("Personal")
	p.Fill("Ends", "In a year")
	p.Fill("On", "2027-01-31")
	p.Click("Copy")
	require.Equal(t, "copied text", p.Clipboard())
	p.Click("#row button")
	p.Within("#row").Click("Revoke token")
	require.Equal(t, "Revoke token", p.Within("#row").Text("button"))
	require.Equal(t, []string{"Name", "Last used"}, p.Texts("th"))
	p.Click("Create token")

	p.See("Made ci, on, In a year, 2027-01-31")
	p.SeeNot("Skip")
	require.Equal(t, "/tokens", p.Path())
	require.Equal(t, "A page", p.Title())
	require.Contains(t, p.HTML(), "<h1>Made")
	cookies := p.Cookies()
	require.Len(t, cookies, 1)
	require.Equal(t, "x", cookies[0].Value)
	require.True(t, cookies[0].HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, cookies[0].SameSite)

	p.Back()
	require.Equal(t, "/", p.Path())
	p.Reload()
	var sum int
	p.Eval("Promise.resolve(1 + 1)", &sum)
	require.Equal(t, 2, sum)
	p.WaitFor("document.title === 'Tokens'")

	second := p.NewTab()
	second.Goto("/")
	require.Equal(t, cookies, second.Cookies())
	require.Empty(t, browser.Open(t, browser.Options{Base: s.URL}).Cookies(), "another window knows nothing of this one")
}

func TestAnActionThatIsImpossibleFails(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/covered", document(`<button>Below</button><div style="position:fixed;inset:0"></div>`))
	s.page("/twice", document(`<button>Same</button> <a href="/">Same</a>`))
	for _, test := range []struct {
		name, path, want string
		act              func(p *browser.Page)
	}{
		{"absent", "/", "no element that is shown", func(p *browser.Page) { p.Click("Delete") }},
		{"disabled", "/", "it is disabled", func(p *browser.Page) { p.Click("Revoke") }},
		{"no field", "/", "no element that is shown", func(p *browser.Page) { p.Fill("Copy it", "x") }},
		{"no option", "/", "0 options are called", func(p *browser.Page) { p.Fill("Ends", "Never") }},
		{"no date", "/", "does not take", func(p *browser.Page) { p.Fill("On", "soon") }},
		{"twice", "/twice", "2 elements are called so: (button, link|link, button)", func(p *browser.Page) { p.Click("Same") }},
		{"not shown", "/", "there is only", func(p *browser.Page) { p.See("Keys are gone") }},
		{"shown", "/", "it is shown", func(p *browser.Page) { p.SeeNot("Tokens") }},
		{"never true", "/", "it is false", func(p *browser.Page) { p.WaitFor("false") }},
		{"status", "/absent", "answered with 404", func(*browser.Page) {}},
		{"key", "/", "no such key", func(p *browser.Page) { p.Press("Any") }},
		{"modifier", "/", "no modifier", func(p *browser.Page) { p.Press("Hyper+a") }},
		{"back", "/", "", func(p *browser.Page) { p.Back(); p.Back() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			requireFail(t, test.want, func(v *verdict) {
				p := browser.Open(v, browser.Options{Base: s.URL, Patience: time.Second})
				p.Goto(test.path)
				test.act(p)
			})
		})
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	script := func(code string) change {
		return change{"document.querySelector('#copy')", code + ";\ndocument.querySelector('#copy')"}
	}
	for _, test := range []struct {
		name   string
		change change
		want   string
		expect []string // without a want
	}{
		{"inline script", change{"</main>", "<script>1</script></main>"}, "(?s)csp: Executing inline script violates.*csp: script-src-elem blocked inline at .*", nil},
		{"inline handler", change{"<h1>", `<h1 onclick="x()">`}, "csp: script-src-attr", nil},
		{"inline style", change{"<h1>", `<h1 style="color: red">`}, "csp: style-src-attr", nil},
		{"exception", script("setTimeout(() => { throw new Error('too bad') })"), "exception: Uncaught Error: too bad", nil},
		{"rejection", script("Promise.reject(new Error('too bad'))"), `exception: Uncaught \(in promise\) Error: too bad`, nil},
		{"console error", script("console.error('oh', 1, {a: 2})"), "console: oh 1 Object", nil},
		{"failed request", script("fetch('/absent')"), "request: 404 GET /absent", nil},
		{"cross-origin", change{`href="/icon.svg"`, `href="https://elsewhere.test/icon.svg"`}, "origin: GET https://elsewhere.test/icon.svg", nil},
		{"blocked", script("fetch('https://elsewhere.test/').catch(() => 0)"), "csp: connect-src blocked https://elsewhere.test/", nil},
		{"window", script("document.querySelector('#copy').onclick = e => { e.stopImmediatePropagation(); open('/keys') }"), "window: /keys", nil},
		{"dialog", script("setTimeout(() => alert('hello'))"), "dialog: alert: hello", nil},
		{"expected", change{"<h1>", `<h1 style="color: red">`}, "", []string{"^csp: "}},
		{"each expected", script("console.error('oh'); fetch('/absent')"), "", []string{"^request: 404 GET /absent$", "^console: oh$"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.change)
			s.page("/keys", document("keys"))
			visit := func(v *verdict) {
				p := browser.Open(v, browser.Options{Base: s.URL})
				for _, pattern := range test.expect {
					p.Expect(pattern)
				}
				p.Goto("/")
				p.Click("Copy")
			}
			if test.want != "" {
				requireFail(t, test.want, visit)
			} else {
				requirePass(t, visit)
			}
		})
	}
}

func TestAnExpectationThatIsNotMetFails(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	requireFail(t, "did not happen: csp", func(v *verdict) {
		p := browser.Open(v, browser.Options{Base: s.URL})
		p.Expect("csp")
		p.Goto("/")
	})
	requireFail(t, "not opened: 1 dialog", func(v *verdict) {
		p := browser.Open(v, browser.Options{Base: s.URL})
		p.ExpectDialog(true)
		p.Goto("/")
	})
	requireFail(t, "not a pattern", func(v *verdict) { browser.Open(v, browser.Options{Base: s.URL}).Expect("(") })
	requireFail(t, "not 403", func(v *verdict) {
		browser.Open(v, browser.Options{Base: s.URL}).GotoStatus("/", http.StatusForbidden)
	})
	requirePass(t, func(v *verdict) {
		browser.Open(v, browser.Options{Base: s.URL}).GotoStatus("/absent", http.StatusNotFound)
	})
}

func TestMixedContent(t *testing.T) {
	t.Parallel()
	s := newTLSSite(t, "img-src http:", map[string]string{"/": document(`<img alt="" src="http://127.0.0.1:9/x.png">`)})
	requireFail(t, "(origin|security|request): (.|\n)*127.0.0.1:9", func(v *verdict) {
		browser.Open(v, browser.Options{Base: s, AnyCertificate: true}).Goto("/")
	})
	requireFail(t, "ERR_CERT", func(v *verdict) { browser.Open(v, browser.Options{Base: s}).Goto("/") })
}

func TestTheQuestionWhetherToLeave(t *testing.T) {
	t.Parallel()
	s := newSite(t, change{"document.querySelector('#copy')", "addEventListener('beforeunload', e => e.preventDefault());\ndocument.querySelector('#copy')"})
	s.page("/help", document("help"))
	p := browser.Open(t, browser.Options{Base: s.URL})
	p.Goto("/help")
	p.Goto("/")
	p.Fill("Name", "x") // a page that nobody has touched does not ask

	p.ExpectDialog(false)
	p.Click("how tokens end")
	require.Equal(t, "/", p.Path())
	p.ExpectDialog(false)
	p.Back()
	require.Equal(t, "/", p.Path())
	require.Equal(t, "x", p.Value("Name"))
	p.ExpectDialog(true)
	p.Back()
	require.Equal(t, "/help", p.Path())
	require.Equal(t, []string{"beforeunload", "beforeunload", "beforeunload"}, p.Dialogs())
}

func TestOptions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/languages", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, document(r.Header.Get("Accept-Language"))) })
	p := browser.Open(t, browser.Options{Base: s.URL, Language: "de", TimeZone: "Asia/Tokyo", Width: 400, Height: 300, Dark: true, Motion: true})
	p.Goto("/languages")
	p.See("de")
	for expression, want := range map[string]string{
		"navigator.language":                                          "de",
		"new Date(0).toLocaleString()":                                "1.1.1970, 09:00:00",
		"`${innerWidth} ${innerHeight}`":                              "400 300",
		"`${matchMedia('(prefers-color-scheme: dark)').matches}`":     "true",
		"`${matchMedia('(prefers-reduced-motion: reduce)').matches}`": "false",
	} {
		var got string
		p.Eval(expression, &got)
		require.Equal(t, want, got, expression)
	}
	requireFail(t, "no URL", func(v *verdict) { browser.Open(v, browser.Options{Base: "console"}) })
}

func TestWithoutScript(t *testing.T) {
	t.Parallel()
	s := newSite(t, change{"document.querySelector('#copy')", "document.querySelector('h1').textContent = 'Changed'; document.querySelector('#copy')"})
	s.page("/help", document("<h1>Help</h1>"))
	p := browser.Open(t, browser.Options{Base: s.URL, NoScript: true})
	p.Goto("/")
	require.Equal(t, "Tokens", p.Text("h1"))
	p.Fill("Name", "x")
	p.RequireLayout(t)
	p.RequireAccessible(t)
	p.Click("how tokens end")
	require.Equal(t, "Help", p.Text("h1"))
	p.Back()
	require.NotEmpty(t, p.Screenshot())
	p.RequireNowhere(t, "a-secret-that-was-never-shown")
}

func TestDownloads(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/help", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="tokens.csv"`)
		fmt.Fprint(w, "name\n")
	})
	p := browser.Open(t, browser.Options{Base: s.URL})
	p.Goto("/")
	require.Empty(t, p.Downloads())
	p.Click("how tokens end")
	require.Equal(t, []string{"tokens.csv"}, p.Downloads())
	require.Equal(t, "/", p.Path())
}

func TestWeight(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/cached.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		fmt.Fprint(w, "body { margin: 0 }")
	})
	page := document(`<link rel="stylesheet" href="/cached.css"><p>A page</p>`)
	s.handle("/weight", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server-Timing", `db;dur=2, total;desc="all";dur=12.5`)
		fmt.Fprint(w, page)
	})
	p := browser.Open(t, browser.Options{Base: s.URL})
	p.Goto("/")
	weight := p.Weight()
	require.Equal(t, len(goodPage), weight.Document)
	require.Equal(t, len(goodStyle), weight.Styles)
	require.Equal(t, len(goodScript), weight.Scripts)
	require.Positive(t, weight.Server)
	require.Less(t, weight.Server.Seconds(), 5.0)
	for range 2 { // over the network, then out of the cache
		p.Goto("/weight")
		weight = p.Weight()
		require.Equal(t, 12500, int(weight.Server.Microseconds()))
		require.Equal(t, len(page), weight.Document)
		require.Equal(t, len("body { margin: 0 }"), weight.Styles)
		require.Equal(t, len(page)+weight.Styles+weight.Images+weight.Other, weight.Total())
	}
}

func TestADialogAndAScriptThatAsksTheServer(t *testing.T) {
	t.Parallel()
	s := newSite(t,
		change{`<p class="cut">`, `<dialog aria-label="Secret"><p id="answer">nothing yet</p><button type="button">I have saved it</button></dialog><p class="cut">`},
		change{"document.querySelector('#copy')", `document.querySelector('form').addEventListener('submit', event => {
			event.preventDefault();
			document.querySelector('dialog').showModal();
			const request = new XMLHttpRequest();
			request.onload = () => document.querySelector('#answer').textContent = request.responseText;
			request.open('POST', '/tokens');
			request.send();
		});
		document.querySelector('#copy')`})
	answered := make(chan struct{})
	s.handle("POST /tokens", func(w http.ResponseWriter, _ *http.Request) {
		<-answered
		fmt.Fprint(w, "the secret")
	})
	p := browser.Open(t, browser.Options{Base: s.URL, Patience: 3 * time.Second})
	p.Goto("/")
	time.AfterFunc(300*time.Millisecond, func() { close(answered) })
	p.Fill("Name", "ci")
	p.Press("Enter")
	require.Equal(t, "the secret", p.Text("#answer"), "the page has come to rest before")
	require.Equal(t, `button "I have saved it"`, p.Focused().String())
	requireFail(t, "no element that is shown", func(v *verdict) {
		p := p.For(v)
		p.Click("Copy") // behind the dialog
	})
	p.RequireLayout(t)
	p.RequireAccessible(t)
	p.Press("Escape")
	p.SeeNot("I have saved it")
	require.Equal(t, `textbox "Name"`, p.Focused().String())
}

func TestWithoutChromium(t *testing.T) {
	t.Setenv("PATH", "/nowhere")
	for ci, failed := range map[string]bool{"": false, "true": true} {
		t.Setenv("CI", ci)
		v := judge(t, func(v *verdict) { browser.Open(v, browser.Options{Base: "http://localhost"}) })
		require.Equal(t, failed, v.failed)
		require.Equal(t, !failed, v.skipped)
		require.Contains(t, v.log.String(), "chromium is not installed")
	}
}
