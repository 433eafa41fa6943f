package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// happen puts events of the organization into the trail, in their order, after all that
// the console itself did until then.
func (w *world) happen(events ...audit.Event) {
	w.Helper()
	require.NoError(w, w.written.Flush(w.Context()))
	sink, err := audit.OpenSink(audit.Config{Dir: w.trail, Now: w.now})
	require.NoError(w, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	ended := make(chan error, 1)
	go func() { ended <- sink.Run(ctx) }()
	for _, event := range events {
		if event.ID = id.New(); event.Time.IsZero() {
			event.Time = w.now()
		}
		if event.Organization == "" {
			event.Organization = string(w.home.ID)
		}
		require.NoError(w, sink.Record(event))
	}
	cancel()
	require.NoError(w, <-ended)
}

// entries counts those that a page of the trail shows.
func entries(page string) int { return strings.Count(page, `class="trail-time"`) }

func TestAuditIsSearched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice", directory.AccessAsNonInteractiveUser)
	admin := w.person("ruth", directory.AccessAsNonInteractiveUser, directory.OrganizationAdmin)
	token, denial, tracking := id.New(), id.New(), id.New()
	origin := audit.Origin{IP: "192.0.2.7", UserAgent: "<b>curl</b>", TrackingID: tracking}
	b := w.signIn(&admin)
	w.happen(
		audit.Event{Name: audit.TokenCreated, Actor: string(alice.ID), Owner: string(alice.ID), PATID: token, Outcome: audit.Success},
		audit.Event{Name: audit.TokenUsed, Actor: string(alice.ID), Owner: string(alice.ID), PATID: token, Outcome: audit.Success, Audience: []string{service}, Scope: "orders:read"}.From(origin),
		audit.Event{Name: audit.TokenUseFailed, Owner: string(alice.ID), PATID: id.New(), Outcome: audit.Failure, Reason: "the token expired", DenialID: denial},
		audit.Event{Name: audit.PolicyUpdated, Actor: string(admin.ID), Subject: string(w.home.ID), Outcome: audit.Success},
		audit.Event{Name: audit.TokenUsed, Actor: id.New(), Organization: id.New(), Outcome: audit.Success},
	)
	all := b.see("/console/audit")
	require.Equal(t, 5, entries(all), "the login too, and none of another organization")
	require.Less(t, strings.Index(all, "Policy</span> <strong>Changed"), strings.Index(all, "Token</span> <strong>Created"), "the newest is first")
	for _, text := range []string{"&lt;b&gt;curl&lt;/b&gt;", "192.0.2.7", "the token expired", "Alice <code>" + string(alice.ID) + "</code>", "orders:read", "Ruth", "line 2 of writer"} {
		require.Contains(t, all, text)
	}
	require.NotContains(t, all, "<b>curl")
	require.NotContains(t, all, `href="/console/tokens/`, "they may not read the tokens of others")
	require.Contains(t, all, `href="/console/audit?token=`+token+`"`)

	for query, want := range map[string]int{
		"event=PERSONAL_ACCESS_TOKEN_*": 3, "event=PERSONAL_ACCESS_TOKEN_USED": 1, "event=NONE": 0, "outcome=failure": 1, "outcome=success": 4,
		"actor=" + string(alice.ID): 2, "owner=" + string(alice.ID): 3, "token=" + token: 2, "denial=" + denial: 1, "tracking=" + tracking: 1,
		"token=" + token + "&outcome=failure": 0, "from=2026-11-22&to=2026-11-22": 5, "from=2026-11-23": 0, "to=2026-11-21": 0, "offset=3": 2,
	} {
		shown := b.see("/console/audit?" + query)
		require.Equal(t, want, entries(shown), query)
		if want == 0 {
			require.Contains(t, shown, "Nothing is like that", query)
		}
	}
	require.Contains(t, b.see("/console/audit?token="+token), `<details class="fold more" open>`)
	require.Contains(t, b.see("/console/audit?event=KEY_*"), `<option value="KEY_*" selected>`)

	wrong := b.get("/console/audit?from=yesterday&actor=x")
	require.Equal(t, http.StatusBadRequest, wrong.status)
	require.Contains(t, wrong.body, "enter a day such as 2027-01-31")
	require.Contains(t, wrong.body, `value="yesterday"`)
}

// Days begin and end where the reader is.
func TestAuditDaysAreTheReaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.person("ruth", directory.OrganizationAdmin)
	b := w.signIn(&admin)
	w.happen(audit.Event{Name: audit.PolicyUpdated, Actor: string(admin.ID), Outcome: audit.Success, Time: time.Date(2026, 11, 21, 11, 30, 0, 0, time.UTC)})
	at, err := url.Parse(w.server.URL + "/console/")
	require.NoError(t, err)
	b.client.Jar.SetCookies(at, []*http.Cookie{{Name: "cambio_zone", Value: "Pacific%2FAuckland", Path: "/console"}})
	require.Contains(t, b.see("/console/audit"), "Nov 22, 2026, 00:30")
	require.Equal(t, 1, entries(b.see("/console/audit?event=POLICY_*&from=2026-11-22&to=2026-11-22")))
	require.Equal(t, 0, entries(b.see("/console/audit?event=POLICY_*&to=2026-11-21")))
}

func TestAuditIsPaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.person("ruth", directory.OrganizationAdmin)
	var many []audit.Event
	for range ui.PageSize {
		many = append(many, audit.Event{Name: audit.TokenUsed, Actor: string(admin.ID), Outcome: audit.Success})
	}
	w.happen(many...)
	b := w.signIn(&admin)
	require.NotContains(t, b.see("/console/audit?event=PERSONAL_ACCESS_TOKEN_USED"), ">Next<", "there is nothing more")
	w.happen(many[0])
	first := b.see("/console/audit?event=PERSONAL_ACCESS_TOKEN_USED")
	require.Equal(t, ui.PageSize, entries(first))
	require.Contains(t, first, `href="/console/audit?event=PERSONAL_ACCESS_TOKEN_USED&amp;offset=`+strconv.Itoa(ui.PageSize)+`">Next`)
	require.Equal(t, 1, entries(b.see("/console/audit?event=PERSONAL_ACCESS_TOKEN_USED&offset="+strconv.Itoa(ui.PageSize))))
	require.Contains(t, b.see("/console/audit?offset=9999999"), "Nothing is like that")
}

func TestAuditSaysThatItIsDamaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.person("ruth", directory.OrganizationAdmin)
	b := w.signIn(&admin)
	require.NoError(t, w.written.Flush(t.Context()))
	own, err := filepath.Glob(filepath.Join(w.trail, "*.jsonl"))
	require.NoError(t, err)
	w.happen(audit.Event{Name: audit.TokenUsed, Actor: string(admin.ID), Outcome: audit.Success})
	require.NotContains(t, b.see("/console/audit"), "could not be read")
	names, err := filepath.Glob(filepath.Join(w.trail, "*.jsonl"))
	require.NoError(t, err)
	other := slices.DeleteFunc(names, func(name string) bool { return slices.Contains(own, name) })[0]
	text, err := os.ReadFile(other)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(other, append([]byte("damage\n"), text...), 0o600))
	require.Contains(t, b.see("/console/audit"), "Some lines of the trail could not be read")
}

func TestActivity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.person("ruth", directory.OrganizationAdmin)
	event := func(name audit.Name, ago int) audit.Event {
		return audit.Event{Name: name, Actor: string(admin.ID), Outcome: audit.Success, Time: w.now().AddDate(0, 0, -ago)}
	}
	w.happen(event(audit.TokenUsed, 20), event(audit.TokenUsed, 1), event(audit.TokenUsed, 0), event(audit.TokenUsed, 0), event(audit.TokenUseFailed, 0))
	b := w.signIn(&admin)
	require.Contains(t, b.see("/console/audit"), `hx-get="/console/audit/activity?days=14"`)
	require.Equal(t, "/console/audit?days=31", b.get("/console/audit/activity?days=31").location, "without script it is part of the page")

	part := b.send(http.MethodGet, "/console/audit/activity?days=14", nil, http.Header{"Hx-Request": {"true"}})
	require.Equal(t, http.StatusOK, part.status)
	require.NotContains(t, part.body, "<html")
	require.Contains(t, part.body, `Granted: 3`)
	require.Contains(t, part.body, `Refused: 1`)
	require.Contains(t, part.body, `<tr><th scope="row">Nov 22, 2026</th><td class="number">2</td><td class="number">1</td></tr>`)
	require.Equal(t, 14, strings.Count(part.body, `<th scope="row">`))

	whole := b.see("/console/audit?days=31")
	require.Contains(t, whole, "Granted: 4")
	require.Contains(t, whole, `<tr><th scope="row">Nov 2, 2026</th><td class="number">1</td><td class="number">0</td></tr>`)
	require.NotContains(t, whole, `hx-trigger="load"`)
	require.Contains(t, b.see("/console/audit?days=5000"), "Granted: 3", "only what is offered")
}

// Every event there is has words.
func TestAuditHasWordsForEveryEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.person("ruth", directory.OrganizationAdmin)
	page := w.signIn(&admin).see("/console/audit?outcome=failure")
	for _, name := range audit.Names() {
		require.Contains(t, page, fmt.Sprintf(`<option value="%s">`, name))
		require.NotContains(t, page, fmt.Sprintf(`>%s<`, name))
	}
	require.NotContains(t, page, `_">`, "kinds have words, too")
}

func TestAuditIsTheAdministrators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob := w.person("bob", directory.AccessAsNonInteractiveUser, directory.PlatformAdmin)
	b := w.signIn(&bob)
	require.NotContains(t, b.see("/console/"), `href="/console/audit"`)
	require.Equal(t, http.StatusForbidden, b.get("/console/audit").status)
	require.Equal(t, http.StatusForbidden, b.send(http.MethodGet, "/console/audit/activity", nil, http.Header{"Hx-Request": {"true"}}).status)
}
