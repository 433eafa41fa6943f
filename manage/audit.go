package manage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
)

// Trail is the audit trail, as a reader sees it.
type Trail interface {
	// Search yields the events that are asked for, newest first; audit.ErrDamaged for
	// what it had to pass over, and goes on.
	Search(ctx context.Context, q audit.Query) iter.Seq2[audit.Entry, error]
	// Daily counts the uses of an organization on so many days of UTC from that of first.
	Daily(ctx context.Context, organization string, first time.Time, days int) (audit.Daily, error)
}

// AuditAsk is what of the trail is asked for. Empty members ask for nothing.
type AuditAsk struct {
	From, To time.Time // the second is exclusive
	Event    string    // a name, or its beginning followed by *
	Outcome  audit.Outcome
	Actor    string
	Owner    string
	Token    string
	Denial   string
	Tracking string

	Limit, Offset int
}

// AuditEvents is a page of the trail, newest first.
type AuditEvents struct {
	Entries []audit.Entry
	Damaged bool // something could not be read
}

// AuditEvents lists events of the caller's organization, as far as the trail of this
// process reaches.
func (m *Manager) AuditEvents(ctx context.Context, c *Caller, input Input[*AuditAsk]) (*AuditEvents, error) {
	t, err := m.tenant(ctx, c, "", ReadAudit)
	if err != nil {
		return nil, err
	}
	ask, err := input()
	if err != nil {
		return nil, err
	}
	found := &AuditEvents{}
	query := ask.query(string(t.organization.ID))
	var some bool
	if query.Names, some = ask.names(); !some {
		return found, nil
	}
	release, err := m.searches.takeFor(ctx, c.Identity.ID, t.organization.ID)
	if err != nil {
		return nil, err
	}
	defer release()
	seen := map[string]bool{} // an event that was shipped twice is there twice
	for entry, err := range m.trail.Search(ctx, query) {
		switch {
		case errors.Is(err, audit.ErrDamaged):
			found.Damaged = true
			continue
		case err != nil:
			return nil, fmt.Errorf("search the audit trail: %w", err)
		case seen[entry.ID]:
			continue
		}
		if len(found.Entries) == ask.Limit {
			break
		}
		seen[entry.ID] = true
		if len(seen) > ask.Offset {
			found.Entries = append(found.Entries, entry)
		}
	}
	return found, nil
}

func (a *AuditAsk) query(organization string) audit.Query {
	q := audit.Query{Organization: organization, From: a.From, To: a.To, Match: a.matches}
	for _, value := range []string{a.Actor, a.Owner, a.Token, a.Denial, a.Tracking, string(a.Outcome)} {
		if value != "" {
			q.Values = append(q.Values, value)
		}
	}
	return q
}

// names lists the events that are asked for; false: there are none of that name.
func (a *AuditAsk) names() ([]audit.Name, bool) {
	beginning, open := strings.CutSuffix(a.Event, "*")
	if a.Event == "" {
		return nil, true
	}
	var names []audit.Name
	for _, name := range audit.Names() {
		if string(name) == a.Event || open && strings.HasPrefix(string(name), beginning) {
			names = append(names, name)
		}
	}
	return names, len(names) > 0
}

func (a *AuditAsk) matches(event *audit.Event) bool {
	for _, pair := range [][2]string{
		{a.Actor, event.Actor},
		{a.Owner, event.Owner},
		{a.Token, event.PATID},
		{a.Denial, event.DenialID},
		{a.Tracking, event.TrackingID},
		{string(a.Outcome), string(event.Outcome)},
	} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	return true
}
