package manage_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// stage is an organization with a token, and others who may look at it or not.
type stage struct {
	*world
	of                             directory.Organization
	owner, auditor, reader, nobody directory.Identity
	foreigner                      directory.Identity
	token                          pat.ID
}

func newStage(w *world) *stage {
	w.Helper()
	s := &stage{world: w, of: w.organization(directory.DefaultPolicy())}
	s.owner = w.person(s.of.ID, directory.AccessAsNonInteractiveUser)
	s.auditor = w.person(s.of.ID, directory.OrganizationAdmin, directory.Role(directory.ReadAllTokens))
	s.reader = w.person(s.of.ID, directory.Role(directory.ReadAllTokens))
	s.nobody = w.person(s.of.ID)
	s.foreigner = w.person(w.organization(directory.DefaultPolicy()).ID, directory.OrganizationAdmin, directory.Role(directory.ReadAllTokens))
	s.token = w.store(&pat.Record{Organization: s.of.ID, Owner: s.owner.ID, Level: pat.Personal, Created: pat.Milliseconds(w.clock.now().AddDate(0, 0, -40))})
	return s
}

// event is one of the token's so long ago.
func (s *stage) event(ago time.Duration, name audit.Name, actor directory.ID) audit.Event {
	return audit.Event{
		ID: id.New(), Time: pat.Milliseconds(s.clock.now().Add(-ago)), Name: name, Organization: string(s.of.ID), Actor: string(actor), PATID: string(s.token),
		Owner: string(s.owner.ID), JTI: id.New(), Outcome: audit.Success,
	}.From(audit.Origin{IP: "192.0.2.9", UserAgent: "curl/8", TrackingID: id.New()})
}

func TestActivityCountsUsesByDay(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		s, ctx, hour := newStage(w), t.Context(), time.Hour
		other := s.event(0, audit.TokenUsed, s.auditor.ID)
		other.PATID = string(w.store(&pat.Record{Organization: s.of.ID, Owner: s.auditor.ID, Level: pat.Personal}))
		elsewhere := s.event(0, audit.TokenUsed, s.foreigner.ID)
		elsewhere.Organization = string(s.foreigner.Organization)
		w.record(
			s.event(24*31*hour, audit.TokenUsed, s.owner.ID), s.event(48*hour, audit.TokenUsed, s.owner.ID), s.event(48*hour, audit.TokenUseFailed, s.owner.ID),
			s.event(0, audit.TokenRotated, s.owner.ID), s.event(0, audit.TokenUsed, s.owner.ID), other, elsewhere,
		)
		count := func(activity *manage.Activity) (used, refused []int) {
			for i, day := range activity.Days {
				require.Equal(t, w.clock.now().UTC().AddDate(0, 0, i+1-len(activity.Days)).Format(time.DateOnly), day.Begin.Format(time.DateOnly))
				used, refused = append(used, day.Used), append(refused, day.Refused)
			}
			require.False(t, activity.Damaged || activity.Partial)
			return used, refused
		}
		for range 2 {
			whole, err := w.manager.Activity(ctx, w.session(&s.auditor), manage.ActivityAsk{Days: 3})
			require.NoError(t, err)
			used, refused := count(whole)
			require.Equal(t, []int{1, 0, 2}, used)
			require.Equal(t, []int{1, 0, 0}, refused)
		}
		for _, who := range []*directory.Identity{&s.owner, &s.auditor, &s.reader} {
			of, err := w.manager.Activity(ctx, w.session(who), manage.ActivityAsk{Days: 3, Token: string(s.token)})
			require.NoError(t, err)
			used, refused := count(of)
			require.Equal(t, []int{1, 0, 1}, used)
			require.Equal(t, []int{1, 0, 0}, refused)
		}
		for days, want := range map[int]int{-1: 1, 0: 1, 31: 31, 32: 31} {
			whole, err := w.manager.Activity(ctx, w.session(&s.auditor), manage.ActivityAsk{Days: days})
			require.NoError(t, err)
			require.Len(t, whole.Days, want)
			count(whole)
		}
		lack := new(*manage.LackError)
		_, err := w.manager.Activity(ctx, w.session(&s.owner), manage.ActivityAsk{Days: 3})
		require.ErrorAs(t, err, lack)
		_, err = w.manager.Activity(ctx, w.session(&s.nobody), manage.ActivityAsk{Days: 3, Token: string(s.token)})
		require.ErrorAs(t, err, lack)
		_, err = w.manager.Activity(ctx, w.session(&s.foreigner), manage.ActivityAsk{Days: 3, Token: string(s.token)})
		require.ErrorIs(t, err, manage.ErrNotFound)
	})
}

func TestTokenTimelineTellsItsReaders(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		s, ctx, hour := newStage(w), t.Context(), time.Hour
		created := s.event(40*24*hour, audit.TokenCreated, s.owner.ID)
		used := s.event(3*hour, audit.TokenUsed, s.owner.ID)
		revoked := s.event(2*hour, audit.TokenRevoked, s.auditor.ID)
		byPlatform := s.event(1*hour, audit.TokenExpired, "")
		byForeigner := s.event(0, audit.TokenReactivated, s.foreigner.ID)
		other := s.event(0, audit.TokenUsed, s.owner.ID)
		other.PATID = id.New()
		unproved := s.event(0, audit.TokenUseFailed, "")
		unproved.Organization = ""
		w.record(created, used, revoked, revoked, byPlatform, other, byForeigner, unproved)

		for name, c := range map[string]struct {
			caller *manage.Caller
			origin []bool // is told, newest first
		}{
			"an auditor": {w.session(&s.auditor), []bool{true, true, true, true, true}},
			"its owner":  {w.session(&s.owner), []bool{false, true, false, true, true}},
			"a reader":   {w.session(&s.reader), []bool{false, false, false, false, false}},
		} {
			t.Run(name, func(t *testing.T) {
				timeline, err := w.manager.TokenTimeline(ctx, c.caller, string(s.token))
				require.NoError(t, err)
				require.False(t, timeline.Damaged || timeline.Partial)
				require.Len(t, timeline.Entries, 5, "each once")
				for i, want := range []audit.Event{byForeigner, byPlatform, revoked, used, created} {
					got := timeline.Entries[i]
					if !c.origin[i] {
						want.IP, want.UserAgent, want.TrackingID, want.JTI = "", "", "", ""
					}
					require.Equal(t, want, got.Event)
					switch {
					case want.Actor == "":
						require.Nil(t, got.ActorReference)
					case want.Actor == string(s.foreigner.ID):
						require.Equal(t, &manage.Reference{ID: s.foreigner.ID}, got.ActorReference, "no name from elsewhere")
					default:
						require.Equal(t, &manage.Reference{ID: directory.ID(want.Actor), Name: "Some Body"}, got.ActorReference)
					}
				}
			})
		}
		_, err := w.manager.TokenTimeline(ctx, w.session(&s.nobody), string(s.token))
		require.ErrorAs(t, err, new(*manage.LackError))
		for _, token := range []string{string(s.token), id.New(), "none"} {
			_, err = w.manager.TokenTimeline(ctx, w.session(&s.foreigner), token)
			require.True(t, errors.Is(err, manage.ErrNotFound) || errors.Is(err, pat.ErrNotFound), token)
		}
		someone := w.person(s.of.ID, directory.AccessAsNonInteractiveUser)
		_, err = w.manager.TokenTimeline(ctx, w.session(&someone), string(s.token))
		require.ErrorIs(t, err, manage.ErrNotFound)

		var many []audit.Event
		for range manage.MaxTimeline {
			many = append(many, s.event(0, audit.TokenUsed, s.owner.ID))
		}
		w.record(many...)
		names, err := filepath.Glob(filepath.Join(w.trail, "*.jsonl"))
		require.NoError(t, err)
		text, err := os.ReadFile(names[len(names)-1])
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(names[len(names)-1], append(text, "damage\n"...), 0o600))
		timeline, err := w.manager.TokenTimeline(ctx, w.session(&s.owner), string(s.token))
		require.NoError(t, err)
		require.Len(t, timeline.Entries, manage.MaxTimeline)
		require.True(t, timeline.Damaged)
	})
}

// A token of a group belongs to who administers the group, and to nobody else in the
// organization.
func TestTokenTimelineOfALevel(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		s, ctx := newStage(w), t.Context()
		group, err := w.people.CreateGroup(ctx, directory.Group{Organization: s.of.ID, Name: "ci"}, directory.Actor{})
		require.NoError(t, err)
		admin := w.person(s.of.ID)
		require.NoError(t, w.people.Assign(ctx, s.of.ID, directory.Assignment{
			Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: group.ID, Holder: admin.ID,
		}, directory.Actor{}))
		record := &pat.Record{Organization: s.of.ID, Owner: w.technicalUser(s.of.ID, group.ID), Level: pat.Group, LevelID: group.ID}
		s.token = w.store(record)
		managed := *record
		managed.ID, managed.Managed, managed.Owner = "", true, w.technicalUser(s.of.ID, group.ID)
		hidden := w.store(&managed)
		used := s.event(0, audit.TokenUsed, record.Owner)
		w.record(used)

		timeline, err := w.manager.TokenTimeline(ctx, w.session(&admin), string(s.token))
		require.NoError(t, err)
		require.Len(t, timeline.Entries, 1)
		require.Equal(t, used, timeline.Entries[0].Event)
		_, err = w.manager.TokenTimeline(ctx, w.session(&admin), string(hidden))
		require.ErrorIs(t, err, manage.ErrNotFound)
		of := w.person(s.of.ID, directory.OrganizationAdmin)
		_, err = w.manager.TokenTimeline(ctx, w.session(&of), string(s.token))
		require.ErrorIs(t, err, manage.ErrNotFound, "organization_admin reads tokens of the organization")
		own := w.store(&pat.Record{Organization: s.of.ID, Owner: s.owner.ID, Level: pat.Personal})
		_, err = w.manager.TokenTimeline(ctx, w.session(&of), string(own))
		require.ErrorIs(t, err, manage.ErrNotFound, "and no personal ones")
	})
}

// bounded is a trail of which one line is read.
type bounded struct{ *audit.Archive }

func (b bounded) Search(ctx context.Context, q audit.Query) iter.Seq2[audit.Entry, error] {
	return b.Archive.Search(ctx, audit.Query{Organization: q.Organization, From: q.From, To: q.To, Names: q.Names, Values: q.Values, Match: q.Match, Bytes: min(q.Bytes, 1)})
}

func TestTokenTimelineSaysThatItStopped(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		s, ctx := newStage(w), t.Context()
		w.record(s.event(0, audit.TokenUsed, s.owner.ID), s.event(0, audit.TokenUsed, s.owner.ID))
		w.config.Trail = bounded{audit.NewArchive(w.trail)}
		manager, err := manage.New(w.config)
		require.NoError(t, err)
		timeline, err := manager.TokenTimeline(ctx, w.session(&s.owner), string(s.token))
		require.NoError(t, err)
		require.True(t, timeline.Partial)
		require.Empty(t, timeline.Entries, "the newest line is the end of the writer")
		activity, err := manager.Activity(ctx, w.session(&s.owner), manage.ActivityAsk{Days: 2, Token: string(s.token)})
		require.NoError(t, err)
		require.True(t, activity.Partial)
	})
}
