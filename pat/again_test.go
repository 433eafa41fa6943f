package pat_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

func TestEndAgain(t *testing.T) {
	w := newWorld(t)
	at := w.clock.now().Add(-time.Hour)
	for name, c := range map[string]struct {
		level      pat.Level
		lost       pat.Lost
		reason     pat.Reason
		reversible bool
		event      audit.Name
	}{
		"revoked":           {pat.Personal, pat.Lost{To: pat.StateRevoked, Reason: pat.Unused}, pat.Unused, false, audit.TokenRevoked},
		"for no reason":     {pat.Personal, pat.Lost{To: pat.StateRevoked}, pat.Other, false, audit.TokenRevoked},
		"a person's":        {pat.Personal, pat.Lost{To: pat.StateRevoked, Reversible: true}, pat.Other, false, audit.TokenRevoked},
		"an organization's": {pat.Organization, pat.Lost{To: pat.StateRevoked, Reversible: true}, pat.Other, true, audit.TokenRevoked},
		"leaked": {
			pat.Organization, pat.Lost{To: pat.StateRevoked, Reason: pat.Compromised, Reversible: true}, pat.Compromised, false, audit.TokenRevoked,
		},
		"auto-revoked": {pat.Personal, pat.Lost{To: pat.StateAutoRevoked}, "", false, audit.TokenExpired},
	} {
		_, record := w.create(func(d *pat.Draft) {
			if d.Level = c.level; c.level == pat.Organization {
				d.LevelID = w.owner.Organization
			}
		})
		actor := w.actor()
		actor.Parent = &record
		_, child, err := w.service.Create(t.Context(), &w.owner, &pat.Draft{Name: name, Level: pat.Personal}, &w.policy, actor)
		require.NoError(t, err, name)
		before := len(w.events(c.event))

		c.lost.At = at.Add(999 * time.Microsecond)
		_, changed, err := w.service.EndAgain(t.Context(), &record, c.lost, pat.Actor{})
		require.NoError(t, err, name)
		require.True(t, changed, name)
		stored := w.stored(record.ID)
		require.Equal(t, c.lost.To, stored.State, name)
		require.True(t, at.Equal(stored.RevokedAt), name)
		require.Empty(t, stored.RevokedBy, name)
		require.Equal(t, c.reason, stored.RevokeReason, name)
		require.Equal(t, c.reversible, stored.Reversible, name)
		events := w.events(c.event)
		require.Len(t, events, before+1, name)
		require.True(t, w.clock.now().Equal(events[before].Time), "%s: the event is of now", name)
		require.Empty(t, events[before].Actor, name)
		require.Equal(t, pat.StateActive, w.stored(child.ID).State, "%s: its child has an end of its own", name)

		_, changed, err = w.service.EndAgain(t.Context(), &record, c.lost, pat.Actor{})
		require.NoError(t, err, name)
		require.False(t, changed, name)
		require.NoError(t, w.service.Delete(t.Context(), &child, w.actor()), name)
	}
	_, _, err := w.service.EndAgain(t.Context(), &pat.Record{ID: pat.NewID(w.owner.ID)}, pat.Lost{To: pat.StateRevoked}, pat.Actor{})
	require.ErrorIs(t, err, pat.ErrNotFound)
}

// TestRecordAndTrailTellOfOneMoment: who compares a record with the trail relies
// on it.
func TestRecordAndTrailTellOfOneMoment(t *testing.T) {
	w := newWorld(t)
	w.service = w.ticking()
	_, record := w.create(func(d *pat.Draft) { d.Level, d.LevelID = pat.Organization, w.owner.Organization })
	_, after, err := w.service.Rotate(t.Context(), record.ID, pat.Rotation{Grace: time.Hour}, &w.policy, w.actor())
	require.NoError(t, err)
	require.True(t, after.Modified.Equal(w.events(audit.TokenRotated)[0].Time))
	after, _, err = w.service.Revoke(t.Context(), &after, pat.End{Reversible: true}, w.actor())
	require.NoError(t, err)
	require.True(t, after.RevokedAt.Equal(w.events(audit.TokenRevoked)[0].Time))
	after, err = w.service.Reactivate(t.Context(), record.ID, 0, &w.policy, w.actor())
	require.NoError(t, err)
	require.True(t, after.Modified.Equal(w.events(audit.TokenReactivated)[0].Time))
}

// ticking is a service whose clock goes on with each reading.
func (w *world) ticking() *pat.Service {
	w.Helper()
	digester, err := pat.NewPeppers(pepper(1))
	require.NoError(w, err)
	service, err := pat.NewService(pat.Config{Store: w.db.PATs(), Uses: w.uses, Format: newFormat(w), Peppers: digester, Now: func() time.Time {
		w.clock.advance(time.Millisecond)
		return w.clock.now()
	}})
	require.NoError(w, err)
	return service
}
