package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/internal/instant"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/test/console/browser"
)

// furnished is a dev server with something on each page.
type furnished struct {
	*testenv.DevServer

	tb                                                  testing.TB
	token, revoked, level, levelDisabled, person, group string
	made                                                int
}

// furnish fills a server over the management API.
func furnish(t *testing.T, dev *testenv.DevServer) *furnished {
	t.Helper()
	f := &furnished{DevServer: dev, tb: t}
	f.allowMany()
	soonOver := instant.Format(time.Now().Add(9 * 24 * time.Hour))
	f.token = f.make("/personal-access-tokens", map[string]any{
		"name": "deploy-webshop", "description": "Deploys the web shop on each tag", "scope": []string{"orders:read", "orders:write"},
		"expirationDate": soonOver, "allowedNetworks": []string{"192.0.2.0/24"},
	})
	f.revoked = f.make("/personal-access-tokens", map[string]any{"name": "old laptop <script>alert(1)</script>"})
	f.send(http.MethodPost, "/personal-access-tokens/"+f.revoked+"/revoke", map[string]any{"reason": "compromised"})
	me := f.send(http.MethodGet, "/me", nil)
	identity, ok := me["identity"].(map[string]any)
	require.True(t, ok, me)
	organization, ok := identity["organizationId"].(string)
	require.True(t, ok, me)
	f.level = f.make("/organizations/"+organization+"/access-tokens", map[string]any{"name": "nightly-report"})
	f.levelDisabled = f.make("/organizations/"+organization+"/access-tokens", map[string]any{"name": "old-report"})
	f.send(http.MethodPost, "/organizations/"+organization+"/access-tokens/"+f.levelDisabled+"/revoke", map[string]any{})
	f.person = f.make("/identities", map[string]any{
		"username": "maximiliane.mustermann-beispiel@example.com", "displayName": "Maximiliane Mustermann-Beispiel", "externalId": "00u1",
	})
	f.group = f.make("/groups", map[string]any{"name": "order-clerks", "description": "Those who take orders"})
	f.send(http.MethodPut, "/groups/"+f.group+"/members/"+f.person, nil)
	f.make("/role-assignments", map[string]any{"role": "group_admin", "scope": "group", "scopeId": f.group, "holder": dev.Info.Users.Admin.ID})
	f.make("/groups/"+f.group+"/access-tokens", map[string]any{"name": "order-sync"})
	return f
}

// allowMany lets one owner have many tokens.
func (f *furnished) allowMany() {
	f.tb.Helper()
	me := f.send(http.MethodGet, "/me", nil)
	organization, ok := me["organization"].(map[string]any)
	require.True(f.tb, ok, me)
	f.send(http.MethodPut, "/organizations/"+fmt.Sprint(organization["id"])+"/policy", map[string]any{"maxTokensPerOwner": 1000})
}

// make creates something and returns its id.
func (f *furnished) make(path string, body map[string]any) string {
	f.tb.Helper()
	made := f.send(http.MethodPost, path, body)
	id, ok := made["id"].(string)
	require.True(f.tb, ok, "%v", made)
	return id
}

// send asks the management API as admin.
func (f *furnished) send(method, path string, body map[string]any) map[string]any {
	f.tb.Helper()
	text, err := json.Marshal(body)
	require.NoError(f.tb, err)
	if body == nil {
		text = nil
	}
	r, err := http.NewRequestWithContext(f.tb.Context(), method, f.Info.Addr+"/api/v1"+path, bytes.NewReader(text))
	require.NoError(f.tb, err)
	r.Header.Set("Authorization", "Bearer "+f.Info.Users.Admin.PAT.Token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := f.Client().Do(r)
	require.NoError(f.tb, err)
	defer func() { _ = answer.Body.Close() }()
	require.Less(f.tb, answer.StatusCode, 300, "%s %s: %s", method, path, answer.Status)
	var decoded map[string]any
	if answer.StatusCode != http.StatusNoContent {
		require.NoError(f.tb, json.NewDecoder(answer.Body).Decode(&decoded))
	}
	return decoded
}

// pages are all pages of the console, in the states that look different.
func (f *furnished) pages() []browser.Shot {
	dialog := func(link string) func(*browser.Page) {
		return func(p *browser.Page) {
			p.Click(link)
			p.WaitFor("document.querySelector('dialog').open")
		}
	}
	own := "/console/tokens/" + f.token
	return []browser.Shot{
		{Name: "home", Path: "/console/"},
		{Name: "user-menu", Path: "/console/", Prepare: func(p *browser.Page) { p.Click(".who") }},
		{Name: "my-access", Path: "/console/me"},
		{Name: "tokens-mine", Path: "/console/tokens"},
		{Name: "tokens-all", Path: "/console/tokens?of=all"},
		{Name: "tokens-none-found", Path: "/console/tokens?q=nothing"},
		{Name: "tokens-by-month", Path: "/console/tokens?of=all", Prepare: func(p *browser.Page) { p.Click("#counts summary") }},
		{Name: "token-new", Path: "/console/tokens/new"},
		{Name: "token-new-never", Path: "/console/tokens/new", Prepare: func(p *browser.Page) {
			p.Click("[name=expires][value=never]")
			p.Click("[name=reach][value=some]")
			p.Click("details.fold summary")
		}},
		{Name: "token-secret", Path: "/console/tokens/new", Prepare: f.makeToken},
		{Name: "token", Path: own},
		{Name: "token-revoked", Path: "/console/tokens/" + f.revoked},
		{Name: "token-edit", Path: own + "/edit"},
		{Name: "token-rotate", Path: own, Prepare: dialog("Rotate")},
		{Name: "token-revoke", Path: own, Prepare: dialog("Revoke")},
		{Name: "token-delete-page", Path: own + "/delete"},
		{Name: "organization", Path: "/console/organization"},
		{Name: "organization-tokens", Path: "/console/organization/tokens"},
		{Name: "organization-token", Path: "/console/organization/tokens/" + f.level},
		{Name: "organization-token-disabled", Path: "/console/organization/tokens/" + f.levelDisabled},
		{Name: "organization-token-new", Path: "/console/organization/tokens/new"},
		{Name: "groups", Path: "/console/groups"},
		{Name: "group", Path: "/console/groups/" + f.group},
		{Name: "people", Path: "/console/people"},
		{Name: "person", Path: "/console/people/" + f.person},
		{Name: "person-new", Path: "/console/people/new"},
		{Name: "roles", Path: "/console/roles"},
		{Name: "policy", Path: "/console/policy"},
		{Name: "audit", Path: "/console/audit"},
		{Name: "inactivity", Path: "/console/inactivity"},
		{Name: "organizations", Path: "/console/organizations"},
		{Name: "services", Path: "/console/services"},
		{Name: "keys", Path: "/console/keys"},
		{Name: "components", Path: "/console/components"},
		{Name: "group-new", Path: "/console/groups/new"},
		{Name: "group-tokens", Path: "/console/groups/" + f.group + "/tokens"},
		{Name: "role-new", Path: "/console/roles/new"},
		{Name: "unknown-page", Path: "/console/nothing", Status: http.StatusNotFound},
		{Name: "logout", Path: "/console/logout"},
	}
}

// makeToken fills in the form of a new token and shows its secret.
func (f *furnished) makeToken(p *browser.Page) {
	f.made++
	p.Fill("Name", "made by hand "+strconv.Itoa(f.made))
	p.Click("main button[type=submit]")
	p.See("This is shown once.")
	p.Click("I have saved it") // else the page is not left
}

// strangersPages are those that somebody sees who is not signed in.
func strangersPages(dev *testenv.DevServer) []browser.Shot {
	return []browser.Shot{
		{Name: "login", Path: "/console/login"},
		{Name: "link", Path: strings.TrimPrefix(dev.Info.ConsoleURL, dev.Info.Addr)},
		{Name: "link-over", Path: "/console/link?token=over", Status: http.StatusNotFound},
		{Name: "logged-out", Path: "/console/logout"},
	}
}

// TestPages judges every page: on a phone and on a desk, in both themes.
func TestPages(t *testing.T) { //nolint:tparallel // one page after the other
	t.Parallel()
	page, dev := signedIn(t, browser.Options{})
	judge(t, page, furnish(t, dev).pages())
}

// TestSlowNetwork: nothing moves on a list that comes row by row.
func TestSlowNetwork(t *testing.T) { //nolint:tparallel // one page after the other
	t.Parallel()
	page, dev := signedIn(t, browser.Options{})
	pages := furnish(t, dev).pages()
	page.SetViewport(1280, 900)
	page.Goto("/console/") // what all pages load is in the cache
	page.SetThroughput(5_000)
	lists := []string{"tokens-all", "groups", "people", "roles"}
	for _, shot := range pages {
		if !slices.Contains(lists, shot.Name) {
			continue
		}
		t.Run(shot.Name, func(t *testing.T) {
			p := page.For(t)
			p.Goto(shot.Path)
			require.NotZero(t, p.Texts("tbody tr"))
			p.RequireLayout(t)
		})
	}
}

// TestStrangersPages judges those that somebody sees who is not signed in.
func TestStrangersPages(t *testing.T) { //nolint:tparallel // one page after the other
	t.Parallel()
	dev := testenv.Dev(t)
	judge(t, browser.Open(t, browser.Options{Base: dev.Info.Addr}), strangersPages(dev))
}

func judge(t *testing.T, page *browser.Page, pages []browser.Shot) {
	t.Helper()
	for _, shot := range pages {
		t.Run(shot.Name, func(t *testing.T) {
			p := page.For(t)
			for _, width := range []int{320, 1280} {
				p.SetViewport(width, 900)
				if shot.Status != 0 {
					p.GotoStatus(shot.Path, shot.Status)
				} else {
					p.Goto(shot.Path)
				}
				if shot.Prepare != nil {
					shot.Prepare(p)
				}
				p.RequireLayout(t)
				if width == 320 {
					p.RequireAccessible(t)
				}
			}
		})
	}
}

// TestShots writes a picture of every page, for who looks at them: make shots.
func TestShots(t *testing.T) {
	dir := os.Getenv("CAMBIO_SHOTS")
	if dir == "" {
		t.Skip("make shots says where to write them")
	}
	page, dev := signedIn(t, browser.Options{})
	f := furnish(t, dev)
	browser.Shots(t, page, f.pages(), dir)
	other := testenv.Dev(t)
	browser.Shots(t, browser.Open(t, browser.Options{Base: other.Info.Addr}), strangersPages(other), dir)
}

// maxWeight is what a full page may weigh with all that it loads, uncompressed.
const maxWeight = 150_000

// TestFullPage: a full page of a list is light, and nothing moves on it.
func TestFullPage(t *testing.T) {
	t.Parallel()
	page, dev := signedIn(t, browser.Options{})
	f := &furnished{DevServer: dev, tb: t}
	f.allowMany()
	for i := range ui.PageSize + 5 {
		f.make("/personal-access-tokens", map[string]any{
			"name": fmt.Sprintf("deploy-webshop-to-region-%02d", i), "description": "Deploys the web shop of region " + strconv.Itoa(i) + " on each tag",
			"scope": []string{"orders:read", "orders:write", "customers:read"}, "expirationDate": instant.Format(time.Now().AddDate(0, 0, i+1)),
		})
	}
	for _, width := range []int{320, 1280} {
		page.SetViewport(width, 900)
		page.Goto("/console/tokens?of=all")
		page.See("1 to " + strconv.Itoa(ui.PageSize))
		page.RequireLayout(t)
		weight := page.Weight()
		require.Less(t, weight.Total(), maxWeight, "%+v", weight)
	}
	page.Click("#sort-name")
	page.WaitFor("document.querySelector('[aria-sort=ascending] a')?.id === 'sort-name'")
	require.Equal(t, "deploy-webshop-to-region-00", page.Text("tbody tr:first-child th a"))
	require.Equal(t, "/console/tokens?of=all&sort=name", page.Path())
	page.Back()
	page.WaitFor("!location.search.includes('sort')")
	page.Fill("Name contains", "region-07")
	page.See("1 to 1 of 1")
}
