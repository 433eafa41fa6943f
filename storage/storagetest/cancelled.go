package storagetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

func runCancelled(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){"before the call": cancelledBefore})
}

// cancelledBefore: an ended context is an error of every method, and nothing
// has changed.
func cancelledBefore(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, func(r *pat.Record) { r.Expiration = clock().Add(-time.Hour) })
	owner := mustFindIdentity(t, s, record.Owner)
	changed, renamed := record, owner
	changed.Name, renamed.Username = "changed", "renamed"
	for name, do := range map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			return s.PATs.Create(ctx, newRecord(owner.ID), 0, event(audit.TokenCreated))
		},
		"find":    func(ctx context.Context) error { return second(s.PATs.Find(ctx, record.ID)) },
		"replace": func(ctx context.Context) error { return s.PATs.Replace(ctx, changed, 0, event(audit.TokenUpdated)) },
		"revoke": func(ctx context.Context) error {
			_, _, err := s.PATs.Revoke(ctx, revocation(&record), event(audit.TokenRevoked))
			return err
		},
		"delete": func(ctx context.Context) error { return s.PATs.Delete(ctx, record.ID, event(audit.TokenDeleted)) },
		"list": func(ctx context.Context) error {
			for _, err := range s.PATs.List(ctx, pat.Query{Organization: organization}) {
				return err
			}
			return nil
		},
		"list of a holder": func(ctx context.Context) error {
			for _, err := range s.PATs.List(ctx, pat.Query{Organization: organization, Holder: owner.ID}) {
				return err
			}
			return nil
		},
		"use": func(ctx context.Context) error { return second(s.Uses.Use(ctx, present(&record, right(&record)))) },
		"touch": func(ctx context.Context) error {
			return second(s.Uses.Touch(ctx, pat.Touch{ID: record.ID, Now: clock(), Used: true, Seen: true}))
		},
		"live": func(ctx context.Context) error { return second(s.Uses.Live(ctx, record.ID, "jti")) },
		"revoke a JWT": func(ctx context.Context) error {
			return second(s.Uses.RevokeJTI(ctx, record.ID, "jti", clock().Add(time.Hour), event(audit.AccessTokenRevoked)))
		},
		"create an identity": func(ctx context.Context) error {
			return s.Identities.Create(ctx, newIdentity(), event(audit.IdentityCreated))
		},
		"find an identity": func(ctx context.Context) error { return second(s.Identities.Find(ctx, owner.ID)) },
		"replace an identity": func(ctx context.Context) error {
			return s.Identities.Replace(ctx, renamed, event(audit.IdentityUpdated))
		},
		"delete an identity": func(ctx context.Context) error {
			return s.Identities.Delete(ctx, owner.ID, event(audit.IdentityDeleted))
		},
		"find by login": func(ctx context.Context) error {
			return second(s.Identities.FindByLogin(ctx, organization, directory.ByUsername, owner.Username))
		},
		"list identities": func(ctx context.Context) error {
			for _, err := range s.Identities.List(ctx, organization) {
				return err
			}
			return nil
		},
		"version": func(ctx context.Context) error { return second(s.Catalog.Version(ctx)) },
		"load":    func(ctx context.Context) error { return second(s.Catalog.Load(ctx)) },
		"write": func(ctx context.Context) error {
			return s.Catalog.Write(ctx, 0, []directory.Change{{Organization: &directory.Organization{ID: organization}}}, []audit.Event{event(audit.PolicyUpdated)})
		},
		"load keys": func(ctx context.Context) error { return second(s.Keys.LoadKeys(ctx)) },
		"swap keys": func(ctx context.Context) error {
			return s.Keys.SwapKeys(ctx, 0, keys.Stored{Version: 1}, event(audit.KeyCreated))
		},
		"pending": func(ctx context.Context) error { return second(s.Outbox.Pending(ctx, 1)) },
	} {
		require.Error(t, do(cancelled(t)), name)
	}
	require.Equal(t, record, mustFind(t, s, record.ID))
	require.Equal(t, owner, mustFindIdentity(t, s, owner.ID))
	requireLogins(t, s, owner)
	requireNoLogin(t, s, directory.ByUsername, "renamed")
	require.Zero(t, mustLoad(t, s))
	require.Zero(t, mustLoadKeys(t, s))
	require.Len(t, collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization})), 1)
	require.Len(t, collect(t, s.Identities.List(t.Context(), organization)), 1)
	require.Empty(t, drain(t, s))
}

// second returns the error of a call that answers a value too.
func second[T any](_ T, err error) error { return err }
