package pat_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

const day = 24 * time.Hour

// warnings is one round over what the world holds.
func (w *world) warnings(since, now time.Time) []pat.Warning {
	w.Helper()
	var out []pat.Warning
	for warning, err := range w.service.Expiring(w.Context(), w.owner.Organization, &w.policy, since, now) {
		require.NoError(w, err)
		out = append(out, warning)
	}
	return out
}

// Each row differs from the first one in one thing.
func TestExpiring(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	type round struct {
		record     pat.Record
		policy     directory.Policy
		since, now time.Time
	}
	for name, test := range map[string]struct {
		change func(*round)
		want   time.Duration
	}{
		"crossed":                  {func(*round) {}, 7 * day},
		"at this very moment":      {func(r *round) { r.record.Expiration = now.Add(7 * day) }, 7 * day},
		"not yet":                  {func(r *round) { r.record.Expiration = now.Add(7*day + time.Millisecond) }, 0},
		"crossed before":           {func(r *round) { r.since = r.record.Expiration.Add(-7 * day) }, 0},
		"just after the last":      {func(r *round) { r.since = r.record.Expiration.Add(-7*day - time.Millisecond) }, 7 * day},
		"first round ever":         {func(r *round) { r.since = time.Time{} }, 7 * day},
		"thirty":                   {func(r *round) { r.record.Expiration = now.Add(30*day - time.Minute) }, 30 * day},
		"one":                      {func(r *round) { r.record.Expiration = now.Add(day - time.Minute) }, day},
		"none":                     {func(r *round) { r.record.Expiration = time.Time{} }, 0},
		"several, the nearest":     {func(r *round) { r.since, r.record.Expiration = now.Add(-40*day), now.Add(time.Hour) }, day},
		"long behind, the nearest": {func(r *round) { r.record.Expiration = now.Add(6 * day) }, 0},
		"ended":                    {func(r *round) { r.since, r.record.Expiration = now.Add(-40*day), now }, 0},
		"revoked":                  {func(r *round) { r.record.State = pat.StateRevoked }, 0},
		"auto-revoked":             {func(r *round) { r.record.State = pat.StateAutoRevoked }, 0},
		"made with less life":      {func(r *round) { r.record.Created = now.Add(-time.Second) }, 0},
		"made with just so much":   {func(r *round) { r.record.Created = r.record.Expiration.Add(-7 * day) }, 0},
		"made with more":           {func(r *round) { r.record.Created = r.record.Expiration.Add(-7*day - time.Millisecond) }, 7 * day},
		"capped by the policy": {func(r *round) {
			r.record.Expiration = time.Time{}
			r.policy.EnforceOnExisting, r.policy.MaxLifetimeSeconds = true, int64((107*day-time.Minute)/time.Second)
		}, 7 * day},
		"a policy for new ones": {func(r *round) {
			r.record.Expiration = time.Time{}
			r.policy.MaxLifetimeSeconds = int64((107*day - time.Minute) / time.Second)
		}, 0},
		"the clock stepped back": {func(r *round) { r.since = now.Add(time.Minute) }, 0},
	} {
		r := round{
			record: pat.Record{State: pat.StateActive, Created: now.Add(-100 * day), Expiration: now.Add(7*day - time.Minute)},
			policy: directory.DefaultPolicy(), since: now.Add(-10 * time.Minute), now: now,
		}
		test.change(&r)
		warning, due := pat.WarningOf(&r.record, &r.policy, r.since, r.now)
		require.Equal(t, test.want > 0, due, name)
		if due {
			require.Equal(t, test.want, warning.Threshold, name)
			require.Equal(t, pat.EffectiveExpiration(&r.record, &r.policy), warning.Expiration, name)
		}
	}
}

// Over any rounds, each of which begins where the last one ended, a threshold is warned
// of once if the token saw it pass, unless a nearer one was passed in the same round.
func TestExpiringOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		created := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		record := pat.Record{State: pat.StateActive, Created: created}
		life := time.Duration(rapid.Int64Range(1, int64(50*day/time.Minute)).Draw(t, "life")) * time.Minute
		record.Expiration = created.Add(life)
		policy := directory.DefaultPolicy()
		since := time.Time{}
		now := created.Add(-time.Duration(rapid.IntRange(0, 1000).Draw(t, "before")) * time.Minute)
		var given []time.Duration
		for range rapid.IntRange(1, 60).Draw(t, "rounds") {
			now = now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "pause")) * time.Minute)
			if now.Before(created) {
				continue
			}
			var passed []time.Duration // in this round, the nearest first
			for _, threshold := range []time.Duration{day, 7 * day, 30 * day} {
				at := record.Expiration.Add(-threshold)
				if at.After(since) && !at.After(now) && at.After(created) {
					passed = append(passed, threshold)
				}
			}
			warning, due := pat.WarningOf(&record, &policy, since, now)
			require.Equal(t, len(passed) > 0 && now.Before(record.Expiration), due)
			if due {
				require.Equal(t, passed[0], warning.Threshold)
				require.NotContains(t, given, warning.Threshold)
				given = append(given, warning.Threshold)
			}
			since = now
		}
		require.True(t, slices.IsSortedFunc(given, func(a, b time.Duration) int { return int(b - a) }))
	})
}

// Rounds over a store, with all that a token may be.
func TestExpiringRounds(t *testing.T) {
	w := newWorld(t)
	_, soon := w.create(func(d *pat.Draft) { d.Expiration = w.clock.now().Add(31 * day) })
	_, gone := w.create(func(d *pat.Draft) { d.Expiration = w.clock.now().Add(31 * day) })
	w.create() // never
	_, _, err := w.service.Revoke(t.Context(), &gone, pat.End{}, w.actor())
	require.NoError(t, err)
	var events []audit.Event
	since := time.Time{}
	for range 32 * 4 {
		for _, warning := range w.warnings(since, w.clock.now()) {
			events = append(events, warning.Event(w.clock.now()))
		}
		since = w.clock.now()
		w.clock.advance(6 * time.Hour)
	}
	var reasons []string
	ids := map[string]bool{}
	for _, e := range events {
		require.Equal(t, string(soon.ID), e.PATID)
		require.Equal(t, audit.TokenExpiring, e.Name)
		require.Equal(t, string(w.owner.ID), e.Owner)
		require.Equal(t, string(w.owner.Organization), e.Organization)
		require.True(t, id.Valid(e.ID))
		ids[e.ID], reasons = true, append(reasons, e.Reason)
	}
	require.Equal(t, []string{"30d", "7d", "1d"}, reasons)
	require.Len(t, ids, 3)
}

// The id of the event is that of the token, the expiry and the threshold.
func TestExpiringEvent(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	one := pat.Warning{Record: pat.Record{ID: "a"}, Expiration: at, Threshold: day}
	event := one.Event(at)
	require.Equal(t, event.ID, one.Event(at.Add(time.Hour)).ID)
	for name, other := range map[string]pat.Warning{
		"token":     {Record: pat.Record{ID: "b"}, Expiration: at, Threshold: day},
		"expiry":    {Record: pat.Record{ID: "a"}, Expiration: at.Add(time.Millisecond), Threshold: day},
		"threshold": {Record: pat.Record{ID: "a"}, Expiration: at, Threshold: 7 * day},
	} {
		require.NotEqual(t, event.ID, other.Event(at).ID, name)
	}
}

func TestTokenless(t *testing.T) {
	w := newWorld(t)
	_, record := w.create()
	_, _, err := w.service.Revoke(t.Context(), &record, pat.End{}, w.actor())
	require.NoError(t, err)
	got, err := w.service.Tokenless(t.Context(), w.owner.Organization, []directory.ID{"x", w.owner.ID, "y"})
	require.NoError(t, err)
	require.Equal(t, []directory.ID{"x", "y"}, got, "a revoked one is one")
	require.NoError(t, w.service.Delete(t.Context(), &record, w.actor()))
	got, err = w.service.Tokenless(t.Context(), w.owner.Organization, []directory.ID{w.owner.ID})
	require.NoError(t, err)
	require.Equal(t, []directory.ID{w.owner.ID}, got)
	got, err = w.service.Tokenless(t.Context(), w.owner.Organization, nil)
	require.NoError(t, err)
	require.Empty(t, got)
}
