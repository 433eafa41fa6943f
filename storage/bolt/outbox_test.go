package bolt

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// addToken stores an ACTIVE token of owner.
func addToken(t *testing.T, db *DB, owner directory.ID, expiration time.Time) pat.Record {
	t.Helper()
	record := pat.Record{
		ID: pat.NewID(owner), Organization: owner, Owner: owner, Name: id.New(), Level: pat.Personal, State: pat.StateActive,
		Expiration: expiration, Generation: 1, Revision: 1, Verifier: pat.Verifier{Current: pat.Digest{Pepper: 1, Sum: [32]byte{1}}},
	}
	require.NoError(t, db.PATs().Create(t.Context(), record, 0, audit.Event{ID: id.New()}))
	return record
}

// TestOutboxFull: past maxUnshipped events nothing changes any more, until some
// are shipped; but whatever ends access goes on.
func TestOutboxFull(t *testing.T) {
	db, err := Open(Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	ctx := t.Context()
	stays, other := addIdentity(t, db), addIdentity(t, db)
	revoked, deleted, expired := addToken(t, db, stays, time.Time{}), addToken(t, db, stays, time.Time{}), addToken(t, db, stays, time.UnixMilli(1))
	addToken(t, db, other, time.Time{})
	require.NoError(t, db.Catalog().Write(ctx, 0, []directory.Change{{Group: &directory.Group{ID: other}}}, []audit.Event{{ID: id.New()}}))
	require.NoError(t, db.bolt.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketOutbox).SetSequence(maxUnshipped - 1)
	}))
	addIdentity(t, db) // the last one that fits
	another := directory.Identity{ID: directory.ID(id.New()), Username: "another", Revision: 1}
	err = db.Identities().Create(t.Context(), another, audit.Event{ID: id.New()})
	require.ErrorIs(t, err, fault.ErrUnavailable)
	_, err = db.Identities().Find(t.Context(), another.ID)
	require.ErrorIs(t, err, directory.ErrNotFound)
	require.ErrorIs(t, db.PATs().Replace(ctx, revoked, 0, audit.Event{ID: id.New()}), fault.ErrUnavailable)
	add := []directory.Change{{Group: &directory.Group{ID: other}, Remove: true}, {Group: &directory.Group{ID: stays}}}
	require.ErrorIs(t, db.Catalog().Write(ctx, 1, add, []audit.Event{{ID: id.New()}}), fault.ErrUnavailable)

	_, changed, err := db.PATs().Revoke(ctx, pat.Revocation{ID: revoked.ID, Generation: 1, To: pat.StateRevoked}, audit.Event{ID: id.New()})
	require.NoError(t, err)
	require.True(t, changed)
	require.NoError(t, db.PATs().Delete(ctx, deleted.ID, audit.Event{ID: id.New()}))
	used, err := db.Uses().Use(ctx, pat.Presentation{ID: expired.ID, Candidates: []pat.Digest{expired.Verifier.Current}, Now: time.Now()})
	require.NoError(t, err)
	require.True(t, used.Transitioned)
	changed, err = db.Uses().RevokeJTI(ctx, revoked.ID, "jti", time.Now().Add(time.Hour), audit.Event{ID: id.New()})
	require.NoError(t, err)
	require.True(t, changed)
	require.NoError(t, db.Identities().Delete(ctx, other, audit.Event{ID: id.New()}))
	owner, err := db.Identities().Find(ctx, stays)
	require.NoError(t, err)
	owner.Groups = nil
	require.NoError(t, db.Identities().Replace(ctx, owner, audit.Event{ID: id.New()}), "it leaves its group")
	owner.Revision++
	owner.Enabled = false
	require.NoError(t, db.Identities().Replace(ctx, owner, audit.Event{ID: id.New()}))
	owner.Revision++
	owner.Enabled = true
	require.ErrorIs(t, db.Identities().Replace(ctx, owner, audit.Event{ID: id.New()}), fault.ErrUnavailable)
	require.NoError(t, db.Catalog().Write(ctx, 1, add[:1], []audit.Event{{ID: id.New()}}))
	require.NoError(t, db.Keys().SwapKeys(ctx, 0, keys.Stored{Version: 1}, audit.Event{ID: id.New()}))

	oldest, err := db.Outbox().Pending(t.Context(), 10)
	require.NoError(t, err)
	require.NoError(t, db.Outbox().Discard(t.Context(), oldest))
	require.NoError(t, db.Identities().Create(t.Context(), another, audit.Event{ID: id.New()}))
}
