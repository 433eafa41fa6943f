package manage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

const (
	// MaxActivityDays is of how many days Activity tells at most.
	MaxActivityDays = 31
	// MaxTimeline is how many events of a token TokenTimeline shows.
	MaxTimeline = 50

	// timelineBytes is how much of the trail is read for one token: somebody who is no
	// auditor may ask for it. It takes some hundred milliseconds.
	timelineBytes = 256 << 20
	// clockSkew is how far the clocks of the processes that write a trail may differ.
	clockSkew = time.Hour
)

// ActivityAsk says of what uses are counted.
type ActivityAsk struct {
	Days  int    // the last so many of UTC, today's too: 1 to MaxActivityDays, else the nearer of them
	Token string // of which alone; empty: of the whole organization
}

// Activity is how often tokens were used and refused, day by day of UTC, oldest first.
type Activity struct {
	Days    []audit.Day
	Damaged bool // something could not be read
	// Partial says that not all was counted: of a token the newest was; of an organization
	// more will be the next time.
	Partial bool
}

// Activity counts uses, as far as the trail of this process reaches: those of the caller's
// organization for who may read its trail, those of a token for who may read that one. A
// use that was refused before the token was proved belongs to no organization.
func (m *Manager) Activity(ctx context.Context, c *Caller, ask ActivityAsk) (*Activity, error) {
	days := min(max(ask.Days, 1), MaxActivityDays)
	first := m.now().UTC().AddDate(0, 0, 1-days)
	if ask.Token != "" {
		return m.tokenActivity(ctx, c, ask.Token, first, days)
	}
	t, err := m.tenant(ctx, c, "", ReadAudit)
	if err != nil {
		return nil, err
	}
	daily, err := m.trail.Daily(ctx, string(t.organization.ID), first, days)
	if err != nil {
		return nil, fmt.Errorf("count uses in the audit trail: %w", err)
	}
	return &Activity{Days: daily.Days, Damaged: daily.Damaged, Partial: daily.Partial}, nil
}

func (m *Manager) tokenActivity(ctx context.Context, c *Caller, id string, first time.Time, days int) (*Activity, error) {
	record, err := m.readable(ctx, c, id)
	if err != nil {
		return nil, err
	}
	activity := &Activity{Days: make([]audit.Day, days)}
	midnight := time.Date(first.Year(), first.Month(), first.Day(), 0, 0, 0, 0, time.UTC)
	for i := range activity.Days {
		activity.Days[i].Begin = midnight.AddDate(0, 0, i)
	}
	query := audit.Query{From: midnight, To: midnight.AddDate(0, 0, days), Names: []audit.Name{audit.TokenUsed, audit.TokenUseFailed}}
	found, err := m.searchToken(ctx, c, record, &query, func(entry *audit.Entry) bool {
		one := &activity.Days[int(entry.Time.Sub(midnight)/day)]
		if entry.Name == audit.TokenUsed {
			one.Used++
		} else {
			one.Refused++
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	activity.Damaged, activity.Partial = found.damaged, found.partial
	return activity, nil
}

// TimelineEntry is what happened to a token, as its reader is shown it.
type TimelineEntry struct {
	audit.Event

	ActorReference *Reference // nil: the platform, or nobody was proved
}

// Timeline is what happened to a token, newest first.
type Timeline struct {
	Entries []TimelineEntry // at most MaxTimeline
	Damaged bool            // something could not be read
	Partial bool            // older events were not looked for: it would take too long
}

// TokenTimeline tells who may read a token what happened to it, as far as the trail of
// this process reaches. From where something was done is told to auditors and to who did
// it, and to whose token it is where it was used.
func (m *Manager) TokenTimeline(ctx context.Context, c *Caller, id string) (*Timeline, error) {
	record, err := m.readable(ctx, c, id)
	if err != nil {
		return nil, err
	}
	timeline := &Timeline{}
	query := audit.Query{From: record.Created.Add(-clockSkew)}
	found, err := m.searchToken(ctx, c, record, &query, func(entry *audit.Entry) bool {
		timeline.Entries = append(timeline.Entries, TimelineEntry{Event: c.showEvent(record, &entry.Event)})
		return len(timeline.Entries) < MaxTimeline
	})
	if err != nil {
		return nil, err
	}
	timeline.Damaged, timeline.Partial = found.damaged, found.partial
	people, actors := m.people(c), make([]directory.ID, len(timeline.Entries))
	for i := range timeline.Entries {
		actors[i] = directory.ID(timeline.Entries[i].Actor)
	}
	if err := people.load(ctx, actors); err != nil {
		return nil, err
	}
	for i, actor := range actors {
		if timeline.Entries[i].ActorReference, err = people.refer(ctx, actor, c.Identity.Organization); err != nil {
			return nil, err
		}
	}
	return timeline, nil
}

// readable returns a token that the caller may read by itself or with its level, else
// ErrNotFound.
func (m *Manager) readable(ctx context.Context, c *Caller, text string) (*pat.Record, error) {
	if err := c.could(ReadToken); err != nil && c.could(ReadLevelToken) != nil {
		return nil, err
	}
	id, err := pat.ParseID(text)
	if err != nil {
		return nil, ErrNotFound
	}
	record, err := m.tokens.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	if !c.sees(&record) && !c.seesInLevel(&record) {
		return nil, ErrNotFound
	}
	return &record, nil
}

// seesInLevel reports whether a token exists for the caller in the group or organization
// that it is of.
func (c *Caller) seesInLevel(record *pat.Record) bool {
	if record.Level == pat.Personal || record.Managed && !c.may(SeeManaged, ofToken(record)) {
		return false
	}
	return c.may(ReadLevelToken, ofToken(record))
}

// showEvent leaves out what only auditors see.
func (c *Caller) showEvent(record *pat.Record, event *audit.Event) audit.Event {
	shown := *event
	use := slices.Contains([]audit.Name{audit.TokenUsed, audit.TokenUseFailed, audit.TokenExpired}, event.Name)
	theirs := c.owns(record) || record.Level != pat.Personal && c.may(ManageLevelToken, ofToken(record))
	if c.may(ReadAudit, inOrganization(record.Organization)) || event.Actor == string(c.Identity.ID) || use && theirs {
		return shown
	}
	shown.JTI = ""
	return shown.From(audit.Origin{})
}

// tokenSearch is how a search for the events of a token ended.
type tokenSearch struct{ damaged, partial bool }

// searchToken hands the events of a token on, newest first and each once, until each says
// that it has enough.
func (m *Manager) searchToken(
	ctx context.Context, c *Caller, record *pat.Record, query *audit.Query, each func(*audit.Entry) bool,
) (found tokenSearch, err error) {
	release, err := m.timelines.takeFor(ctx, c.Identity.ID, record.Organization)
	if err != nil {
		return found, err
	}
	defer release()
	token := string(record.ID)
	query.Organization, query.Values, query.Bytes = string(record.Organization), []string{token}, timelineBytes
	query.Match = func(event *audit.Event) bool { return event.PATID == token }
	seen := map[string]bool{} // an event that was shipped twice is there twice
	for entry, err := range m.trail.Search(ctx, *query) {
		switch {
		case errors.Is(err, audit.ErrDamaged):
			found.damaged = true
		case errors.Is(err, audit.ErrBound):
			found.partial = true
		case err != nil:
			return found, fmt.Errorf("search the audit trail: %w", err)
		case seen[entry.ID]:
		default:
			if seen[entry.ID] = true; !each(&entry) {
				return found, nil
			}
		}
	}
	return found, nil
}
