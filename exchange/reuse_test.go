package exchange_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// keeper keeps all.
type keeper map[exchange.ReuseKey]exchange.Kept

func (k keeper) Find(key exchange.ReuseKey) (exchange.Kept, bool) {
	kept, ok := k[key]
	return kept, ok
}

func (k keeper) Keep(key exchange.ReuseKey, kept exchange.Kept) { k[key] = kept }

// reusing is a world, a token, and what answers it out of a keeper.
func reusing(t *testing.T) (w *world, record pat.Record, again func(change ...func(*exchange.Request)) (*exchange.Issued, error)) {
	t.Helper()
	w = newWorld(t)
	token, record := w.create(&w.owner)
	kept := keeper{}
	return w, record, func(change ...func(*exchange.Request)) (*exchange.Issued, error) {
		return w.exchange(token, append(change, func(r *exchange.Request) { r.Reuse = kept })...)
	}
}

func TestReuse(t *testing.T) {
	w, record, again := reusing(t)
	first, err := again()
	require.NoError(t, err)
	require.Empty(t, w.audit.last().Reason)
	w.clock.advance(209 * time.Second)
	second, err := again()
	require.NoError(t, err)
	require.Equal(t, first.AccessToken, second.AccessToken)
	require.Equal(t, first.Claims, second.Claims)
	require.Equal(t, int64(90), second.ExpiresIn, "of 300 s, the first of which had begun before")
	require.Equal(t, "reused", w.audit.last().Reason)
	require.Equal(t, first.JTI, w.audit.last().JTI)
	require.Equal(t, first.Scope, w.audit.last().Scope)
	stored, err := w.tokens.Find(t.Context(), record.ID)
	require.NoError(t, err)
	require.Equal(t, 209*time.Second, stored.LastSeen.Sub(stored.LastUsed), "minting is a use, giving again a sighting")

	w.clock.advance(time.Second)
	third, err := again()
	require.NoError(t, err)
	require.NotEqual(t, first.AccessToken, third.AccessToken, "70 % of its life are over")
	plain, err := w.exchange(mustToken(w))
	require.NoError(t, err)
	require.NotEqual(t, third.JTI, plain.JTI)
}

func mustToken(w *world) pat.Token {
	token, _ := w.create(&w.owner)
	return token
}

// Whatever makes a fresh JWT say something else, or end earlier, makes the kept one useless.
func TestReuseOnlyOfTheSame(t *testing.T) {
	for name, change := range map[string]func(w *world, record *pat.Record){
		"another role": func(w *world, _ *pat.Record) {
			w.assign(w.owner.ID, w.owner.Organization, directory.OrganizationAdmin)
		},
		"another name": func(w *world, _ *pat.Record) {
			w.identity(func(i *directory.Identity) { i.DisplayName = "Alice B." })
		},
		"narrower scope": func(w *world, record *pat.Record) {
			w.update(record, &pat.Change{Scope: &[]string{pat.ScopeDefault}})
		},
		"an earlier end": func(w *world, record *pat.Record) {
			end := w.clock.now().Add(time.Minute)
			w.update(record, &pat.Change{Expiration: &end})
		},
		"a shorter life": func(w *world, _ *pat.Record) {
			w.policy(func(p *directory.Policy) { p.MaxAccessTokenSeconds = 60 })
		},
		"its owner was disabled for a while": func(w *world, _ *pat.Record) {
			w.identity(func(i *directory.Identity) { i.Enabled = false })
			w.identity(func(i *directory.Identity) { i.Enabled = true })
		},
		"another signing key": func(w *world, _ *pat.Record) {
			kid, err := w.ring.KeyID(keys.EdDSA)
			require.NoError(w, err)
			require.NoError(w, w.ring.Revoke(w.Context(), kid, keys.Actor{}))
		},
		"it was revoked by itself": func(w *world, record *pat.Record) {
			_, err := w.tokens.RevokeAccessToken(w.Context(), record, w.audit.last().JTI, w.clock.now().Add(time.Hour), pat.Actor{})
			require.NoError(w, err)
		},
	} {
		w, record, again := reusing(t)
		w.requireFresh(name, func() (*exchange.Issued, error) {
			return again(func(r *exchange.Request) { r.Audience = []string{people} })
		}, func() { change(w, &record) })
	}
	w, _, again := reusing(t)
	one, err := again()
	require.NoError(t, err)
	narrower, err := again(func(r *exchange.Request) { r.Scope = "orders:x:read" })
	require.NoError(t, err)
	require.NotEqual(t, one.AccessToken, narrower.AccessToken, "another scope")
	other, err := again(func(r *exchange.Request) { r.Audience = []string{orders} })
	require.NoError(t, err)
	require.NotEqual(t, one.AccessToken, other.AccessToken, "another audience")
	require.Equal(t, "orders:read orders:write", w.audit.last().Scope)
}

// requireFresh wants the same JWT twice, and after a change another.
func (w *world) requireFresh(name string, again func() (*exchange.Issued, error), change func()) {
	w.Helper()
	first, err := again()
	require.NoError(w, err, name)
	same, err := again()
	require.NoError(w, err, name)
	require.Equal(w, first.AccessToken, same.AccessToken, name)
	change()
	fresh, err := again()
	require.NoError(w, err, name)
	require.NotEqual(w, first.AccessToken, fresh.AccessToken, name)
	require.NotEqual(w, first.JTI, fresh.JTI, name)
}

func (w *world) identity(change func(*directory.Identity)) {
	w.Helper()
	_, err := w.directory.UpdateIdentity(w.Context(), w.owner.ID, func(i *directory.Identity) error {
		change(i)
		return nil
	}, directory.Actor{})
	require.NoError(w, err)
}

func (w *world) update(record *pat.Record, change *pat.Change) {
	w.Helper()
	policy := directory.DefaultPolicy()
	_, err := w.tokens.Update(w.Context(), record.ID, change, &policy, pat.Actor{Identity: w.owner.ID})
	require.NoError(w, err)
}

// What refuses a use refuses it whatever is kept.
func TestReuseNeverAfterAnEnd(t *testing.T) {
	for cause, change := range map[pat.Cause]func(w *world, record *pat.Record){
		pat.CauseRevoked: func(w *world, record *pat.Record) {
			_, _, err := w.tokens.Revoke(w.Context(), record, pat.End{}, pat.Actor{Identity: w.owner.ID})
			require.NoError(w, err)
		},
		pat.CauseOwnerDisabled: func(w *world, _ *pat.Record) {
			w.identity(func(i *directory.Identity) { i.Enabled = false })
		},
		exchange.CauseRole: func(w *world, _ *pat.Record) {
			require.NoError(w, w.directory.Unassign(w.Context(), w.owner.Organization, directory.AccessAsNonInteractiveUser, w.owner.ID, directory.Actor{}))
		},
		exchange.CauseNetwork: func(w *world, record *pat.Record) {
			w.update(record, &pat.Change{Networks: &[]netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}})
		},
	} {
		w, record, again := reusing(t)
		_, err := again()
		require.NoError(t, err)
		change(w, &record)
		_, err = again()
		requireCause(t, err, cause)
	}
}

func requireCause(t *testing.T, err error, cause pat.Cause) {
	t.Helper()
	var denial *exchange.DeniedError
	require.ErrorAs(t, err, &denial)
	require.Equal(t, cause, denial.Cause)
}
