package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/test/console/browser"
)

// TestAdministration: people, groups and roles, by somebody who administers.
func TestAdministration(t *testing.T) {
	t.Parallel()
	page, _ := signedIn(t, browser.Options{})
	page.Within(".side").Click("People")
	page.Click("Create person")
	page.Fill("Username", "carol")
	page.Fill("Name (optional)", "Carol Clerk")
	page.Click("main button[type=submit]")
	page.See("Carol Clerk")

	page.Within(".side").Click("Groups")
	page.Click("Create group")
	page.Within("dialog").Fill("Name", "clerks")
	page.Within("dialog").Click("button[type=submit]")
	page.Click("Add member")
	page.Fill("Username", "carol")
	page.Within("dialog").Click("button[type=submit]")
	page.See("Carol Clerk")

	page.Within(".side").Click("Roles")
	page.Click("[name=who][value=group]")
	page.Fill("Group", "clerks")
	page.Click("Save")
	page.See("The members of these groups may: clerks")

	page.Within(".side").Click("Policy")
	page.Fill("Longest life", "30")
	page.Click("Preview")
	page.See("Save")
	page.Within(".side").Click("Signing keys")
	page.Click("Rotate")
	page.Within("dialog").Click("button[type=submit]")
	page.WaitFor("document.querySelectorAll('tbody tr').length >= 3")
}

// TestLevelToken: the token of the organization is disabled and re-enabled by the menu
// of its status.
func TestLevelToken(t *testing.T) {
	t.Parallel()
	page, _ := signedIn(t, browser.Options{})
	page.Within(".side").Click("Overview and tokens")
	page.Click("Access Tokens")
	page.Click("main .head .button.main")
	page.Fill("Name", "nightly")
	page.Click("main button[type=submit]")
	page.Click("I have saved it")
	page.Click("Done")
	page.Goto("/console/organization/tokens")
	for _, step := range []struct{ item, done string }{{"Disable", "Revoked"}, {"Re-enable", "Active"}, {"Delete", ""}} {
		page.Click("tbody .menu-fold summary")
		page.Within("#list").Click(step.item)
		page.Within("dialog").Click("button[type=submit]")
		page.WaitFor("location.search.includes('done=')")
		page.Goto("/console/organization/tokens")
		if step.done != "" {
			page.Within("#list").See(step.done)
		}
	}
	page.See("No tokens yet")
}

// TestFormOfAnotherSite: another site cannot have a token made by who visits it.
func TestFormOfAnotherSite(t *testing.T) {
	t.Parallel()
	dev := testenv.Dev(t)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!DOCTYPE html><html lang="en"><title>Prizes</title><link rel="icon" href="data:,"><form method="post" action="%s/console/tokens/new">
			<input type="hidden" name="name" value="gift"><input type="hidden" name="expires" value="30"><button>Take the prize</button></form></html>`, dev.Info.Addr)
	}))
	t.Cleanup(site.Close)
	page := open(t, dev, browser.Options{Origins: []string{site.URL}})
	page.Goto(site.URL)
	page.Expect(`^request: 403 POST /console/tokens/new$`)
	page.Click("Take the prize")
	page.See("The form came from another site")
	page.Goto("/console/tokens")
	page.SeeNot("gift")
}
