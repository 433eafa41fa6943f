package replay_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// TestNothingLivesThatEnded: whatever the trail says of tokens, none lives whose
// last end comes after its last reactivation, and applying it again changes nothing.
func TestNothingLivesThatEnded(t *testing.T) {
	w := newWorld(t)
	owner := w.person()
	ends := []audit.Name{audit.TokenRevoked, audit.TokenRotated, audit.TokenExpired}
	rapid.Check(t, func(rt *rapid.T) {
		level := rapid.SampledFrom([]pat.Level{pat.Personal, pat.Organization}).Draw(rt, "level")
		_, record := w.token(&owner, level)
		start := w.clock.at
		defer w.delete(record.ID) // a holder has no more than so many
		var events []audit.Event
		lives := true
		for range rapid.IntRange(1, 8).Draw(rt, "events") {
			w.step()
			name := rapid.SampledFrom([]audit.Name{
				audit.TokenRevoked, audit.TokenRevoked, audit.TokenReactivated, audit.TokenReactivated, audit.TokenRotated, audit.TokenExpired, audit.TokenUpdated,
			}).Draw(rt, "name")
			reason := rapid.SampledFrom([]pat.Reason{pat.Compromised, pat.Unused, pat.Other, "", "?"}).Draw(rt, "reason")
			events = append(events, audit.Event{
				ID: id.New(), Time: w.clock.at, Name: name, PATID: string(record.ID), Reason: string(reason), Outcome: audit.Success,
			})
			if slices.Contains(ends, name) {
				lives = false
			} else if name == audit.TokenReactivated {
				lives = true
			}
		}
		w.step()
		w.apply(events)
		after := w.stored(record.ID)
		if !lives {
			require.NotEqual(rt, pat.StateActive, after.State)
		}
		if level == pat.Personal && slices.ContainsFunc(events, func(e audit.Event) bool { return slices.Contains(ends, e.Name) }) {
			require.NotEqual(rt, pat.StateActive, after.State, "a person's token ends for good")
		}
		if after.State == pat.StateRevoked {
			require.False(rt, after.RevokedAt.Before(start))
			require.True(rt, after.RevokedAt.Before(w.clock.at))
		}
		w.clock.at = w.clock.at.Add(time.Minute)
		require.Empty(rt, w.apply(events).Applied)
		require.Equal(rt, after, w.stored(record.ID))
	})
}
