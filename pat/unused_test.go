package pat_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

func TestRevokeUnused(t *testing.T) {
	const days = 30
	w := newWorld(t)
	revoke := func(policy *directory.Policy) int {
		n, err := w.service.RevokeUnused(t.Context(), w.owner.Organization, policy, pat.Actor{})
		require.NoError(t, err)
		return n
	}
	use := func(token pat.Token, kind pat.Kind) {
		used, err := w.use(token)
		require.NoError(t, err)
		require.NoError(t, w.service.Touch(t.Context(), &used, kind, origin))
	}
	_, idle := w.create()
	used, inUse := w.create()
	seen, inSight := w.create()
	_, ends := w.create(func(d *pat.Draft) { d.Expiration = w.clock.now().Add(10 * 24 * time.Hour) })
	_, gone := w.create()
	_, _, err := w.service.Revoke(t.Context(), &gone, pat.End{}, w.actor())
	require.NoError(t, err)
	w.clock.advance(2 * 24 * time.Hour)
	use(used, pat.Minted)
	use(seen, pat.Presented)

	w.policy.UnusedRevokeDays = days
	w.clock.advance((days-2)*24*time.Hour - time.Millisecond)
	require.Zero(t, revoke(&w.policy))
	w.clock.advance(time.Millisecond)
	off := w.policy
	off.UnusedRevokeDays = 0
	require.Zero(t, revoke(&off), "nobody asked for it")
	require.Equal(t, 1, revoke(&w.policy))
	require.Zero(t, revoke(&w.policy), "it may be repeated")
	ended := w.stored(idle.ID)
	require.Equal(t, pat.StateRevoked, ended.State)
	require.Equal(t, pat.Unused, ended.RevokeReason)
	require.Empty(t, ended.RevokedBy, "by the platform")
	require.False(t, ended.Reversible, "a personal token ends for good")
	for _, record := range []pat.Record{inUse, inSight, ends} {
		require.Equal(t, pat.StateActive, w.stored(record.ID).State)
	}
	events := w.events(audit.TokenRevoked)
	require.Equal(t, string(pat.Unused), events[len(events)-1].Reason)
	w.clock.advance(2 * 24 * time.Hour)
	require.Equal(t, 2, revoke(&w.policy), "the other two are as old now")
}
