package manage

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

const (
	// summaryKept is for how long the summary of an organization is shared by those who
	// ask for it.
	summaryKept = 5 * time.Second
	// summaryMonths is of how many calendar months it tells what ends in them.
	summaryMonths = 12

	day = 24 * time.Hour
)

// MonthCount is how many there are in a calendar month.
type MonthCount struct {
	Month time.Time // its beginning, in UTC
	Count int
}

// TokenSummary counts tokens. A usable one is Active.
type TokenSummary struct {
	At                                    time.Time // when they were counted
	Active, Expired, Revoked, AutoRevoked int       // by the status that is shown

	Within7Days  int // usable, end within seven times 24 hours
	Within30Days int // usable, end within thirty times 24 hours, those of the first seven too
	NeverExpire  int // usable
	NeverUsed    int // usable
	// Months are this one and the eleven after it, with the usable ones that end there.
	Months []MonthCount
}

// Total is how many there are in all.
func (s *TokenSummary) Total() int { return s.Active + s.Expired + s.Revoked + s.AutoRevoked }

func newTokenSummary(now time.Time) *TokenSummary {
	s := &TokenSummary{At: now, Months: make([]MonthCount, summaryMonths)}
	year, month, _ := now.UTC().Date()
	for i := range s.Months {
		s.Months[i].Month = time.Date(year, month+time.Month(i), 1, 0, 0, 0, 0, time.UTC)
	}
	return s
}

// add counts a token.
func (s *TokenSummary) add(record *pat.Record, through lens) {
	switch through.status(record) {
	case pat.Active:
		s.addUsable(record, through.expiration(record))
	case pat.Expired:
		s.Expired++
	case pat.AutoRevoked:
		s.AutoRevoked++
	default:
		s.Revoked++
	}
}

func (s *TokenSummary) addUsable(record *pat.Record, end time.Time) {
	s.Active++
	if record.LastUsed.IsZero() {
		s.NeverUsed++
	}
	if end.IsZero() {
		s.NeverExpire++
		return
	}
	left := end.Sub(s.At)
	if left <= 7*day {
		s.Within7Days++
	}
	if left <= 30*day {
		s.Within30Days++
	}
	first := s.Months[0].Month
	year, month, _ := end.UTC().Date()
	if ahead := (year-first.Year())*12 + int(month-first.Month()); ahead < len(s.Months) {
		s.Months[ahead].Count++
	}
}

// copy returns one that may be changed.
func (s *TokenSummary) copy() *TokenSummary {
	c := *s
	c.Months = slices.Clone(s.Months)
	return &c
}

// TokenSummary counts the tokens of an owner, or of the whole organization if that is
// empty, which Tokens would list to the caller. What it says of an organization is at most
// five seconds old; of an owner it is as of now.
func (m *Manager) TokenSummary(ctx context.Context, c *Caller, owner directory.ID) (*TokenSummary, error) {
	t := target{known: true, organization: c.Identity.Organization, owner: owner}
	if err := c.need(ReadToken, t); err != nil {
		return nil, err
	}
	list := m.tokenList(c, &Ask{}, t)
	if owner == "" {
		return m.summaries.of(ctx, summaryOf{organization: t.organization, managed: list.seesManaged}, m.now, func() (*TokenSummary, error) {
			return list.summary(ctx, list.all(ctx))
		})
	}
	identity, err := list.people.find(ctx, owner)
	if err != nil {
		return nil, err
	}
	list.owner = owner
	if identity != nil && identity.Type == directory.TechnicalUser { // whose token lies with its group or organization
		return list.summary(ctx, list.all(ctx))
	}
	return list.summary(ctx, list.held(ctx, owner))
}

// LevelTokenSummary counts the tokens of an organization or a group, as of now.
func (m *Manager) LevelTokenSummary(ctx context.Context, c *Caller, level Level) (*TokenSummary, error) {
	t, err := m.place(ctx, c, level, ReadLevelToken)
	if err != nil {
		return nil, err
	}
	list := m.tokenList(c, &Ask{}, t)
	list.level = level.Of
	return list.summary(ctx, list.held(ctx, directory.ID(level.ID)))
}

// all yields the tokens of the organization, as far as they must be known to be counted.
func (l *tokenList) all(ctx context.Context) iter.Seq2[pat.Record, error] {
	return l.tokens.Scan(ctx, pat.Query{Organization: l.caller.Identity.Organization, Columns: l.summaryColumns()})
}

// held yields those of a person, a group or an organization.
func (l *tokenList) held(ctx context.Context, holder directory.ID) iter.Seq2[pat.Record, error] {
	return l.tokens.List(ctx, pat.Query{Organization: l.caller.Identity.Organization, Holder: holder, Columns: l.summaryColumns()})
}

func (l *tokenList) summaryColumns() pat.Columns {
	return l.columns() | pat.ColumnState | pat.ColumnExpiration | pat.ColumnLastUsed
}

func (l *tokenList) summary(ctx context.Context, records iter.Seq2[pat.Record, error]) (*TokenSummary, error) {
	s := newTokenSummary(l.through.now)
	err := l.rows(ctx, records, func(r *row) bool {
		if l.wants(&r.record) {
			s.add(&r.record, l.through)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// summaryOf is of whom a summary is, for whom.
type summaryOf struct {
	organization directory.ID
	managed      bool // with managed tokens
}

// summaries are those of organizations that were asked for a moment ago.
type summaries struct {
	turns turns

	mu   sync.Mutex
	kept map[summaryOf]*TokenSummary
}

// of returns the summary that is kept, or counts anew. One count of an organization goes
// on at a time; who waits for it has what it found.
func (s *summaries) of(ctx context.Context, whose summaryOf, now func() time.Time, count func() (*TokenSummary, error)) (*TokenSummary, error) {
	if found := s.fresh(whose, now()); found != nil {
		return found, nil
	}
	end, err := s.turns.take(ctx, whose.organization)
	if err != nil {
		return nil, err
	}
	defer end()
	if found := s.fresh(whose, now()); found != nil {
		return found, nil
	}
	counted, err := count()
	if err != nil {
		return nil, err
	}
	s.keep(whose, counted, now())
	return counted.copy(), nil
}

// fresh returns a copy of what is kept and not too old, or nil.
func (s *summaries) fresh(whose summaryOf, now time.Time) *TokenSummary {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, ok := s.kept[whose]
	if !ok || !kept.freshAt(now) {
		return nil
	}
	return kept.copy()
}

// freshAt reports whether it may still be shown; a clock that was set back ends it.
func (s *TokenSummary) freshAt(now time.Time) bool {
	age := now.Sub(s.At)
	return 0 <= age && age < summaryKept
}

// keep remembers a summary and forgets those that are too old.
func (s *summaries) keep(whose summaryOf, counted *TokenSummary, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other, kept := range s.kept {
		if !kept.freshAt(now) {
			delete(s.kept, other)
		}
	}
	s.kept[whose] = counted
}
