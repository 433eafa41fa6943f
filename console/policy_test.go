package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

// hidden returns the value of a hidden field of a page.
func hidden(t *testing.T, page, name string) string {
	t.Helper()
	found := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	require.NotNil(t, found, name)
	return found[1]
}

// defaultPolicy is the form of the policy that a new organization has.
func defaultPolicy(etag string) url.Values {
	return url.Values{
		"etag": {etag}, "maxLifetimeSeconds": {""}, "maxLifetimeSecondsUnit": {"days"}, "defaultLifetimeSeconds": {""}, "defaultLifetimeSecondsUnit": {"days"},
		"allowNeverExpire": {"true"}, "maxTokensPerOwner": {"10"}, "defaultScopes": {"sp:scopes:all"},
		"defaultAccessTokenSeconds": {"5"}, "defaultAccessTokenSecondsUnit": {"minutes"}, "maxAccessTokenSeconds": {"12"}, "maxAccessTokenSecondsUnit": {"hours"},
		"logonInactivityDays": {"0"}, "unusedRevokeDays": {"0"}, "allowedNetworks": {""},
	}
}

// endless makes a token of somebody that never expires.
func (w *world) endless(owner *directory.Identity, name string) {
	w.Helper()
	_, _, err := w.tokens.Create(w.Context(), owner, &pat.Draft{Level: pat.Personal, Name: name, NeverExpiresAcknowledged: true}, &w.home.Policy, pat.Actor{Identity: owner.ID})
	require.NoError(w, err)
}

func TestPolicyIsPreviewedThenSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.person("alice", directory.OrganizationAdmin)
	w.endless(&admin, "<b>ci</b>")
	w.advance(40 * 24 * time.Hour)
	b := w.signIn(&admin)

	opened := b.see("/console/policy")
	require.Contains(t, opened, `name="defaultAccessTokenSeconds" value="5"`)
	require.Contains(t, opened, `<option value="minutes" selected>`)
	require.NotContains(t, opened, "Save policy", "nothing was looked at yet")
	form := defaultPolicy(hidden(t, opened, "etag"))

	form.Set("do", "preview")
	require.Contains(t, b.post("/console/policy", form).body, "this is the policy that holds")

	form.Set("maxLifetimeSeconds", "30")
	form.Set("enforceOnExisting", "true")
	preview := b.post("/console/policy", form)
	require.Equal(t, http.StatusOK, preview.status)
	require.Contains(t, preview.body, `<span class="muted">no limit</span> → <strong>30 days</strong>`)
	require.Contains(t, preview.body, "One token ends earlier by it.")
	require.Contains(t, preview.body, "&lt;b&gt;ci&lt;/b&gt;")
	require.Contains(t, preview.body, "at once")
	require.NotContains(t, preview.body, "<b>ci")
	require.NotContains(t, preview.body, "/console/tokens/", "they may not read the tokens of others")
	require.Contains(t, b.see("/console/policy"), `name="maxLifetimeSeconds" value=""`, "nothing is saved")

	form.Set("previewed", hidden(t, preview.body, "previewed"))
	form.Set("do", "save")
	form.Set("maxTokensPerOwner", "7")
	another := b.post("/console/policy", form)
	require.Equal(t, http.StatusOK, another.status)
	require.Contains(t, another.body, "You changed something after the preview")
	require.Contains(t, b.see("/console/policy"), `name="maxTokensPerOwner" value="10"`, "nothing is saved")

	form.Set("previewed", hidden(t, another.body, "previewed"))
	saved := b.post("/console/policy", form)
	require.Equal(t, "/console/policy?saved=1", saved.location, saved.body)
	require.Contains(t, b.see(saved.location), "The policy is saved. One token ends earlier by it.")
	require.Contains(t, b.see("/console/policy"), `name="maxTokensPerOwner" value="7"`)

	stale := b.post("/console/policy", form)
	require.Equal(t, http.StatusPreconditionFailed, stale.status)
	require.Contains(t, stale.body, "Somebody saved another policy")
	require.Contains(t, stale.body, `name="maxLifetimeSeconds" value="30"`, "what was entered is kept")
}

func TestPolicyEveryMember(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.person("alice", directory.OrganizationAdmin)
	b := w.signIn(&admin)
	form := url.Values{
		"do": {"save"}, "etag": {hidden(t, b.see("/console/policy"), "etag")},
		"maxLifetimeSeconds": {"400"}, "maxLifetimeSecondsUnit": {"days"}, "defaultLifetimeSeconds": {"36"}, "defaultLifetimeSecondsUnit": {"hours"},
		"enforceOnExisting": {"true"}, "requireNeverExpireAcknowledgement": {"true"}, "maxTokensPerOwner": {"3"}, "defaultScopes": {"orders:read\r\nopenid"},
		"defaultAccessTokenSeconds": {"90"}, "defaultAccessTokenSecondsUnit": {"seconds"}, "maxAccessTokenSeconds": {"1"}, "maxAccessTokenSecondsUnit": {"hours"},
		"logonInactivityDays": {"60"}, "unusedRevokeDays": {"45"}, "allowedNetworks": {"127.0.0.0/8\n192.0.2.0/24"},
	}
	form.Set("previewed", hidden(t, b.post("/console/policy", form).body, "previewed"))
	require.Equal(t, "/console/policy?saved=0", b.post("/console/policy", form).location)
	caller, err := w.manager.Resume(t.Context(), admin.ID, audit.Origin{IP: "127.0.0.1"})
	require.NoError(t, err)
	got, _, err := w.manager.Policy(t.Context(), caller, string(w.home.ID))
	require.NoError(t, err)
	require.Equal(t, directory.Policy{
		MaxLifetimeSeconds: 400 * 86400, DefaultLifetimeSeconds: new(int64(36 * 3600)), EnforceOnExisting: true, RequireNeverExpireAcknowledgement: true,
		MaxTokensPerOwner: 3, DefaultScopes: []string{"orders:read", "openid"}, DefaultAccessTokenSeconds: 90, MaxAccessTokenSeconds: 3600,
		LogonInactivityDays: 60, UnusedRevokeDays: 45, AllowedNetworks: []string{"127.0.0.0/8", "192.0.2.0/24"},
	}, got)
	shown := b.see("/console/policy")
	for _, value := range []string{`name="defaultLifetimeSeconds" value="36"`, `name="maxAccessTokenSeconds" value="1"`, "orders:read\nopenid</textarea>"} {
		require.Contains(t, shown, value)
	}
}

func TestPolicyRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.person("alice", directory.OrganizationAdmin)
	b := w.signIn(&admin)
	etag := hidden(t, b.see("/console/policy"), "etag")
	for field, value := range map[string]string{
		"maxTokensPerOwner": "many", "logonInactivityDays": "99999", "maxLifetimeSeconds": "-1", "maxLifetimeSecondsUnit": "moons", "allowedNetworks": "192.0.2.0/24",
		"defaultScopes": `a"b`, "unusedRevokeDays": "", "maxAccessTokenSeconds": "2", "defaultAccessTokenSeconds": "99999999999999999999",
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			form := defaultPolicy(etag)
			if field == "maxLifetimeSecondsUnit" {
				form.Set("maxLifetimeSeconds", "1")
			}
			if field == "maxAccessTokenSeconds" {
				form.Set("maxAccessTokenSecondsUnit", "minutes")
			}
			form.Set(field, value)
			got := b.post("/console/policy", form)
			require.Equal(t, http.StatusBadRequest, got.status)
			require.Contains(t, got.body, `class="error"`)
			require.NotContains(t, got.body, "Save policy")
		})
	}
}

// Many tokens are told page by page.
func TestPolicyPreviewIsPaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.home.Policy.MaxTokensPerOwner = 100
	admin := w.person("alice", directory.OrganizationAdmin, directory.Role(directory.ReadAllTokens))
	for i := range 31 {
		w.endless(&admin, fmt.Sprintf("job-%02d", i))
	}
	b := w.signIn(&admin)
	form := defaultPolicy(hidden(t, b.see("/console/policy"), "etag"))
	form.Set("maxLifetimeSeconds", "30")
	form.Set("enforceOnExisting", "true")
	page := b.post("/console/policy", form).body
	require.Contains(t, page, "1 to 30 of 31")
	require.Contains(t, page, `name="offset" value="30"`)
	require.Contains(t, page, `<a href="/console/tokens/`)
	form.Set("offset", "30")
	page = b.post("/console/policy", form).body
	require.Contains(t, page, "31 to 31 of 31")
	require.Contains(t, page, `name="offset" value="0"`)
}

func TestPolicyIsTheAdministrators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob := w.person("bob", directory.AccessAsNonInteractiveUser, directory.PlatformAdmin)
	b := w.signIn(&bob)
	require.NotContains(t, b.see("/console/"), `href="/console/policy"`)
	require.Equal(t, http.StatusForbidden, b.get("/console/policy").status)
	require.Equal(t, http.StatusForbidden, b.post("/console/policy", defaultPolicy("")).status)
}
