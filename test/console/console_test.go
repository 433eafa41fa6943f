package console

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/test/console/browser"
)

const soon = 10 * time.Second

func TestMain(m *testing.M) { browser.Main(m) }

// signedIn is a page of a new dev server in which admin has opened the link.
func signedIn(t *testing.T, options browser.Options) (*browser.Page, *testenv.DevServer) {
	t.Helper()
	dev := testenv.Dev(t)
	return open(t, dev, options), dev
}

// open opens the link of a server, which works once.
func open(t *testing.T, dev *testenv.DevServer, options browser.Options) *browser.Page {
	t.Helper()
	options.Base = dev.Info.Addr
	page := browser.Open(t, options)
	page.Goto(dev.Info.ConsoleURL)
	page.Click("Continue as Admin")
	page.See("Hello, Admin")
	return page
}

// shell runs what somebody has pasted into one.
func shell(t *testing.T, pasted string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", pasted).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// TestNewUser does what somebody does who tries the product: opens the printed link,
// makes a token, runs the shown line, sees that it was used, revokes it, and sees the
// line fail, and why.
func TestNewUser(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "curl")
	page, _ := signedIn(t, browser.Options{})
	page.Click("Create token")
	page.Fill("Name", "first")
	page.Click("main button[type=submit]")
	page.See("This is shown once.")
	page.Click("#use-curl .copy")
	line := page.Clipboard()
	require.Contains(t, shell(t, line), `"access_token":"ey`)

	page.Click(".brand")
	page.See("Save the token first")
	page.Click("I have saved it")
	page.Click("Done")
	page.See("What it is")
	testenv.Wait(t, soon, func() bool {
		page.Reload()
		return page.Text("#last-used") != "Never"
	})

	page.Click("Revoke")
	page.See("This is final")
	page.Click("Revoke token")
	page.See("The token is revoked.")
	answer := shell(t, line)
	require.NotContains(t, answer, "access_token")
	require.Contains(t, answer, "invalid_request")
	require.Contains(t, answer, "revoked")
}

// TestSecretIsNowhere: once somebody has left the page of a secret, it is nowhere.
func TestSecretIsNowhere(t *testing.T) {
	t.Parallel()
	page, _ := signedIn(t, browser.Options{OwnProfile: true})
	page.Goto("/console/tokens/new")
	page.Fill("Name", "canary")
	page.Click("main button[type=submit]")
	secret := page.Text("#token")
	require.True(t, strings.HasPrefix(secret, "cambio_pat_"))

	page.Press("Escape")
	page.See("Save the token first")
	page.ExpectDialog(false) // the question whether to leave is answered by staying
	page.Eval("location.assign('/console/')", nil)
	require.Equal(t, secret, page.Text("#token"))

	page.Click("I have saved it")
	page.Click("Done")
	page.See("What it is")
	page.RequireNowhere(t, secret)
}

// TestByKeyboard makes and revokes a token without a mouse.
func TestByKeyboard(t *testing.T) {
	t.Parallel()
	page, _ := signedIn(t, browser.Options{})
	page.Goto("/console/tokens/new")
	require.Equal(t, "Name", page.Focused().Name)
	page.Type("by hand")
	page.Press("Enter")
	page.See("This is shown once.")
	tabTo(page, "I have saved it")
	page.Press(" ")
	tabTo(page, "Done")
	page.Press("Enter")
	page.See("What it is")

	tabTo(page, "Revoke")
	page.Press("Enter")
	page.See("This is final")
	page.Press("Escape")
	page.SeeNot("This is final")
	require.Equal(t, "Revoke", page.Focused().Name, "the focus is where it was")
	page.Press("Enter")
	page.See("This is final")
	tabTo(page, "Revoke token")
	page.Press("Enter")
	page.See("The token is revoked.")

	page.Press("Tab")
	require.Equal(t, "Skip to content", page.Focused().Name)
	page.Press("Enter")
	require.Contains(t, page.URL(), "#main")
}

// tabTo presses Tab until the element of that name has the focus.
func tabTo(page *browser.Page, name string) {
	for range 100 {
		page.Tab()
		if page.Focused().Name == name {
			return
		}
	}
	page.See("an element to which Tab leads, named " + name)
}

// TestWithoutScript: everything can be read, and a token be made.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	page, _ := signedIn(t, browser.Options{NoScript: true})
	page.Click("Create token")
	page.Fill("Name", "plain")
	page.Click("main button[type=submit]")
	page.See("cambio_pat_")
	page.Click("Done")
	page.See("What it is")
	page.Click("Revoke")
	page.See("This is final")
	page.Click("Revoke token")
	page.See("The token is revoked.")
	page.Goto("/console/tokens?of=all")
	page.See("plain")
	page.Click("#sort-name")
	page.See("1 to 4 of 4")
}

// TestInGerman: the console speaks the browser's language, and its time.
func TestInGerman(t *testing.T) {
	t.Parallel()
	dev := testenv.Dev(t)
	page := browser.Open(t, browser.Options{Base: dev.Info.Addr, Language: "de-DE", TimeZone: "Asia/Tokyo"})
	page.Goto(dev.Info.ConsoleURL)
	page.Click("Weiter als Admin")
	page.See("Hallo, Admin")
	page.Goto("/console/tokens")
	page.See("Persönliche Zugriffstoken")
	var zone string
	page.Eval("document.cookie", &zone)
	require.Contains(t, zone, "Asia%2FTokyo")
	page.Click("tbody th a")
	page.See("Was geschah")
	var machine, shown string
	page.Eval("document.querySelector('time').dateTime", &machine)
	page.Eval("document.querySelector('time').textContent", &shown)
	at, err := time.Parse(time.RFC3339, machine)
	require.NoError(t, err)
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	require.NoError(t, err)
	require.Equal(t, at.In(tokyo).Format("02.01.2006, 15:04"), shown)
}

// TestLogOut: the session is over, also for who goes back.
func TestLogOut(t *testing.T) {
	t.Parallel()
	page, _ := signedIn(t, browser.Options{})
	page.Click(".who")
	page.Click("Log out")
	page.See("You are logged out")
	page.Back()
	page.See("Sign in")
	page.SeeNot("Hello, Admin")
}
