package transfer_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
	"github.com/cambio-sts/cambio/storage/transfer"
)

func TestItemEnded(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	recent, old := now.Add(-pat.EndedWindow), now.Add(-pat.EndedWindow-time.Millisecond)
	token := func(state pat.State, generation int64, revoked, modified time.Time) transfer.Item {
		return transfer.Item{Token: &pat.Record{ID: "t", State: state, Generation: generation, RevokedAt: revoked, Modified: modified}}
	}
	ended := func(generation int64) []pat.Ended {
		return []pat.Ended{{Kind: pat.EndedToken, ID: "t", Generation: generation}}
	}
	owner := func(enabled bool, modified time.Time) transfer.Item {
		return transfer.Item{Identity: &directory.Identity{ID: "i", Enabled: enabled, Modified: modified}}
	}
	for name, c := range map[string]struct {
		item transfer.Item
		want []pat.Ended
	}{
		"active":                      {token(pat.StateActive, 1, time.Time{}, recent), nil},
		"rotated":                     {token(pat.StateActive, 3, time.Time{}, recent), ended(2)},
		"rotated long ago":            {token(pat.StateActive, 3, time.Time{}, old), nil},
		"revoked":                     {token(pat.StateRevoked, 3, recent, old), ended(3)},
		"auto-revoked":                {token(pat.StateAutoRevoked, 1, recent, old), ended(1)},
		"revoked long ago":            {token(pat.StateRevoked, 3, old, old), nil},
		"revoked as if long ago":      {token(pat.StateRevoked, 3, old, recent), ended(3)},
		"an owner":                    {owner(true, recent), nil},
		"a disabled owner":            {owner(false, recent), []pat.Ended{{Kind: pat.EndedOwner, ID: "i"}}},
		"an owner disabled long ago":  {owner(false, old), nil},
		"a JWT":                       {transfer.Item{JTI: &transfer.JTI{ID: "j", Token: "t", Expiry: now.Add(time.Millisecond)}}, []pat.Ended{{Kind: pat.EndedJWT, ID: "j", Token: "t", Expiry: now.Add(time.Millisecond)}}},
		"a JWT that has expired":      {transfer.Item{JTI: &transfer.JTI{ID: "j", Expiry: now}}, nil},
		"what cannot end in this way": {transfer.Item{Group: &directory.Group{ID: "g"}}, nil},
	} {
		require.Equal(t, c.want, c.item.Ended(now), name)
	}
}

// TestEndsAreToldAgain: a store that everything was carried to tells of what had ended
// in the one that it comes from.
func TestEndsAreToldAgain(t *testing.T) {
	ctx, now := t.Context(), time.Now().UTC().Truncate(time.Millisecond)
	path := filepath.Join(t.TempDir(), "cambio.db")
	from, err := bolt.Open(bolt.Config{Path: path, Create: true, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { _ = from.Close() })
	event := func() audit.Event { return audit.Event{ID: id.New(), Time: now} }
	tenant := directory.Organization{ID: directory.ID(id.New()), Name: "acme"}
	require.NoError(t, from.Catalog().Write(ctx, 0, []directory.Change{{Organization: &tenant}}, []audit.Event{event()}))
	owner := directory.Identity{ID: directory.ID(id.New()), Organization: tenant.ID, Username: "alice", Enabled: true, Revision: 1}
	require.NoError(t, from.Identities().Create(ctx, owner, event()))
	var records []pat.Record
	for range 3 {
		record := pat.Record{
			ID: pat.NewID(owner.ID), Organization: tenant.ID, Owner: owner.ID, Name: id.New(), Level: pat.Personal,
			State: pat.StateActive, Generation: 1, Revision: 1, Created: now, Modified: now,
		}
		require.NoError(t, from.PATs().Create(ctx, record, 0, event()))
		records = append(records, record)
	}
	_, _, err = from.PATs().Revoke(ctx, pat.Revocation{ID: records[0].ID, Generation: 1, To: pat.StateRevoked, At: now}, event())
	require.NoError(t, err)
	records[1].Generation++
	require.NoError(t, from.PATs().Replace(ctx, records[1], 0, event()))
	_, err = from.Uses().RevokeJTI(ctx, records[2].ID, "jti", now.Add(time.Hour), event())
	require.NoError(t, err)
	owner.Enabled, owner.Modified = false, now
	require.NoError(t, from.Identities().Replace(ctx, owner, event()))
	want := told(t, from.Ended(), now)
	require.Len(t, want, 4)

	servers, err := redis.Open(ctx, redis.Config{
		Addrs: []string{testenv.Redis(t, testenv.RedisOptions{}).Addr()}, Durability: redis.Verified, Now: time.Now, Importing: true,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = servers.Close() })
	back, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "back.db"), Create: true, Importing: true, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { _ = back.Close() })
	began := time.Now().Add(-pat.MaxSkew)
	require.NoError(t, transfer.Copy(ctx, &transfer.Source{Readable: from, Name: "file"}, servers, silent))
	require.ElementsMatch(t, want, told(t, servers.Ended(), began), "by Redis")
	require.NoError(t, transfer.Copy(ctx, &transfer.Source{Readable: servers, Name: "servers"}, back, silent))
	require.ElementsMatch(t, want, told(t, back.Ended(), began), "by a file again")
}

// told is what a store tells, none of it from before a time, without those times.
func told(t *testing.T, log pat.EndedLog, since time.Time) []pat.Ended {
	t.Helper()
	all, err := log.Follow().Next(t.Context())
	require.NoError(t, err)
	for i := range all {
		require.False(t, all[i].At.Before(since))
		all[i].At = time.Time{}
	}
	return all
}
