package storagetest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

func runReplace(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"every field":           replaceRoundTrip,
		"what a use wrote":      replaceKeepsUses,
		"refusals":              replaceRefusals,
		"a new name":            replaceName,
		"a new secret":          replaceSecret,
		"uses of an old secret": replaceOldUses,
		"usable again":          replaceLimit,
		"one of 100 at once":    replaceRace,
		"an expiry to the past": replaceExpiry,
		"revision under a use":  replaceAfterUse,
	})
}

func mustReplace(t *testing.T, s Stores, record pat.Record) {
	t.Helper()
	require.NoError(t, s.PATs.Replace(t.Context(), record, 0, event(audit.TokenUpdated)))
}

func replaceRoundTrip(t *testing.T, s Stores) {
	t.Helper()
	owner := newOwner(t, s)
	before := filledRecord(t, owner.ID)
	mustCreate(t, s, before)
	drain(t, s)
	after := filledRecord(t, owner.ID)
	after.ID, after.LevelID, after.Created = before.ID, before.LevelID, before.Created
	after.CreatedByPAT, after.Lineage, after.Verifier.Previous = before.CreatedByPAT, before.Lineage, before.Verifier.Previous
	after.Name, after.Description, after.Scope = "renamed", "", []string{"one"}
	after.Networks, after.Audience, after.Expiration = nil, nil, time.Time{}
	after.AdminRole, after.Generation, after.Revision = false, 77, before.Revision
	updated := event(audit.TokenUpdated)
	require.NoError(t, s.PATs.Replace(t.Context(), after, 0, updated))
	after.LastUsed, after.LastSeen, after.OldUses = before.LastUsed, before.LastSeen, before.OldUses
	after.Revision++
	requireStored(t, s, after, owner)
	requireEvents(t, s, updated)
}

func replaceKeepsUses(t *testing.T, s Stores) {
	t.Helper()
	read := newToken(t, s, unchanged)
	old := pat.OldUse{At: clock(), IP: "192.0.2.1", UserAgent: "agent"}
	mustTouch(t, s, pat.Touch{ID: read.ID, Used: true, Seen: true, OldUse: &old})
	used := mustFind(t, s, read.ID)
	read.Description = "changed by one who read it before the use"
	mustReplace(t, s, read)
	used.Description, used.Revision = read.Description, read.Revision+1
	require.Equal(t, used, mustFind(t, s, read.ID))
}

func replaceRefusals(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	taken := newRecord(record.Owner)
	mustCreate(t, s, taken)
	drain(t, s)
	for name, c := range map[string]struct {
		change func(*pat.Record)
		want   error
	}{
		"an earlier revision": {func(r *pat.Record) { r.Revision-- }, pat.ErrConflict},
		"a later revision":    {func(r *pat.Record) { r.Revision++ }, pat.ErrConflict},
		"name taken":          {func(r *pat.Record) { r.Name = taken.Name }, pat.ErrNameTaken},
		"unknown":             {func(r *pat.Record) { r.ID = pat.NewID(r.Owner) }, pat.ErrNotFound},
		"ill-formed":          {func(r *pat.Record) { r.ID = "{}" }, pat.ErrNotFound},
	} {
		changed := record
		changed.Name, changed.Description = "another", "changed"
		c.change(&changed)
		require.ErrorIs(t, s.PATs.Replace(t.Context(), changed, 0, event(audit.TokenUpdated)), c.want, name)
		require.Equal(t, record, mustFind(t, s, record.ID), name)
		require.Equal(t, taken, mustFind(t, s, taken.ID), name)
		require.Empty(t, drain(t, s), name)
	}
	free := newRecord(record.Owner)
	free.Name = "another"
	mustCreate(t, s, free)
}

func replaceName(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	old := record.Name
	record.Name = "a new name"
	mustReplace(t, s, record)
	second := newRecord(record.Owner)
	second.Name = "a new name"
	require.ErrorIs(t, s.PATs.Create(t.Context(), second, 0, event(audit.TokenCreated)), pat.ErrNameTaken)
	second.Name = old
	require.NoError(t, s.PATs.Create(t.Context(), second, 0, event(audit.TokenCreated)), "the old name is free")
	record = mustFind(t, s, record.ID)
	require.Equal(t, "a new name", record.Name)
	record.Description = "its own name is not taken"
	mustReplace(t, s, record)
}

func replaceSecret(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	old := right(&record)
	record.Verifier = pat.Verifier{Current: digest(2, "fresh"), Previous: old, PreviousUntil: clock().Add(time.Hour)}
	mustReplace(t, s, record)
	record.Revision++
	require.Equal(t, record, mustUse(t, s, present(&record, digest(2, "fresh"))).Record)
	require.Equal(t, record, mustUse(t, s, present(&record, old)).Record)
	record.Verifier = pat.Verifier{Current: digest(2, "fresher")}
	record.Generation++
	mustReplace(t, s, record)
	record.Revision++
	require.Equal(t, record, mustUse(t, s, present(&record, digest(2, "fresher"))).Record)
	for _, dead := range []pat.Digest{old, digest(2, "fresh")} {
		require.Zero(t, mustUse(t, s, present(&record, dead)).Record)
	}
}

// replaceOldUses: what is known of the uses of an old secret goes with it, and
// only with it.
func replaceOldUses(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, func(r *pat.Record) {
		r.Verifier.Previous, r.Verifier.PreviousUntil = digest(1, "old"), clock().Add(time.Hour)
	})
	old := pat.OldUse{At: clock(), IP: "192.0.2.1", UserAgent: "agent"}
	for name, c := range map[string]struct {
		change func(*pat.Verifier)
		want   []pat.OldUse
	}{
		"another grace":   {func(v *pat.Verifier) { v.PreviousUntil = clock().Add(time.Minute) }, []pat.OldUse{old}},
		"another current": {func(v *pat.Verifier) { v.Current = digest(2, "rehashed") }, []pat.OldUse{old}},
		"rotated":         {func(v *pat.Verifier) { v.Previous, v.Current = v.Current, digest(2, "new") }, nil},
		"another version": {func(v *pat.Verifier) { v.Previous.Pepper++ }, nil},
		"none any more":   {func(v *pat.Verifier) { v.Previous = pat.Digest{} }, nil},
	} {
		mustTouch(t, s, pat.Touch{ID: record.ID, OldUse: &old})
		before := mustFind(t, s, record.ID)
		require.Equal(t, []pat.OldUse{old}, before.OldUses, name)
		changed := before
		c.change(&changed.Verifier)
		mustReplace(t, s, changed)
		require.Equal(t, c.want, mustFind(t, s, record.ID).OldUses, name)
		restored := mustFind(t, s, record.ID)
		restored.Verifier = record.Verifier
		mustReplace(t, s, restored)
	}
}

func replaceLimit(t *testing.T, s Stores) {
	t.Helper()
	for name, end := range map[string]func(*pat.Record){
		"revoked": func(r *pat.Record) { r.State, r.Reversible = pat.StateRevoked, true },
		"expired": func(r *pat.Record) { r.Expiration = clock().Add(-time.Hour) },
	} {
		record := newToken(t, s, end)
		other := newRecord(record.Owner)
		mustCreate(t, s, other)
		drain(t, s)
		record.Description = "changed"
		require.NoError(t, s.PATs.Replace(t.Context(), record, 1, event(audit.TokenUpdated)), "%s: it stays unusable", name)
		record.Revision++
		drain(t, s)
		again := record
		again.State, again.Reversible, again.Expiration = pat.StateActive, false, time.Time{}
		again.Generation++
		require.ErrorIs(t, s.PATs.Replace(t.Context(), again, 1, event(audit.TokenReactivated)), pat.ErrLimit, name)
		require.Equal(t, record, mustFind(t, s, record.ID), name)
		require.Empty(t, drain(t, s), name)
		require.NoError(t, s.PATs.Replace(t.Context(), again, 2, event(audit.TokenReactivated)), name)
		again.Revision++
		again.Description = "changed at the limit"
		require.NoError(t, s.PATs.Replace(t.Context(), again, 1, event(audit.TokenUpdated)), "%s: it was usable before", name)
		require.ErrorIs(t, s.PATs.Create(t.Context(), newRecord(record.Owner), 2, event(audit.TokenCreated)), pat.ErrLimit, name)
	}
}

func replaceRace(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	var won atomic.Int64
	together(100, func(int) {
		changed, updated := record, event(audit.TokenUpdated)
		changed.Description = updated.ID
		err := insist(func() error { return s.PATs.Replace(t.Context(), changed, 0, updated) })
		tally(t, &won, err, pat.ErrConflict)
	})
	require.EqualValues(t, 1, won.Load())
	events := drain(t, s)
	require.Len(t, events, 1)
	after := mustFind(t, s, record.ID)
	require.Equal(t, events[0].ID, after.Description)
	require.Equal(t, record.Revision+1, after.Revision)
}

// replaceExpiry: the count of usable tokens follows a changed expiry.
func replaceExpiry(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	require.ErrorIs(t, s.PATs.Create(t.Context(), newRecord(record.Owner), 1, event(audit.TokenCreated)), pat.ErrLimit)
	record.Expiration = clock().Add(-time.Second)
	mustReplace(t, s, record)
	require.NoError(t, s.PATs.Create(t.Context(), newRecord(record.Owner), 1, event(audit.TokenCreated)))
}

// replaceAfterUse: who read an expired token before a use ended it cannot bring
// it back.
func replaceAfterUse(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, func(r *pat.Record) { r.Expiration = clock().Add(-time.Hour) })
	require.True(t, mustUse(t, s, present(&record, right(&record))).Transitioned)
	record.Expiration = clock().Add(time.Hour)
	require.ErrorIs(t, s.PATs.Replace(t.Context(), record, 0, event(audit.TokenUpdated)), pat.ErrConflict)
	require.Equal(t, pat.StateAutoRevoked, mustFind(t, s, record.ID).State)
}

func runDelete(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"gone at once": deleteToken,
		"unknown":      deleteUnknown,
	})
}

func deleteToken(t *testing.T, s Stores) {
	t.Helper()
	owner := newOwner(t, s)
	record := newRecord(owner.ID)
	record.CreatedByPAT = pat.ID(otherShard(string(owner.ID)))
	record.Lineage = []pat.ID{record.CreatedByPAT}
	mustCreate(t, s, record)
	drain(t, s)
	deleted := event(audit.TokenDeleted)
	require.NoError(t, s.PATs.Delete(t.Context(), record.ID, deleted))
	requireEvents(t, s, deleted)
	_, err := s.PATs.Find(t.Context(), record.ID)
	require.ErrorIs(t, err, pat.ErrNotFound)
	require.Zero(t, mustUse(t, s, present(&record, right(&record))).Record)
	for _, q := range []pat.Query{
		{Organization: organization},
		{Organization: organization, Holder: owner.ID},
		{Organization: organization, Ancestor: record.CreatedByPAT},
	} {
		require.Empty(t, collect(t, s.PATs.List(t.Context(), q)))
	}
	require.ErrorIs(t, s.PATs.Delete(t.Context(), record.ID, event(audit.TokenDeleted)), pat.ErrNotFound)
	_, _, err = s.PATs.Revoke(t.Context(), revocation(&record), event(audit.TokenRevoked))
	require.ErrorIs(t, err, pat.ErrNotFound)
	require.ErrorIs(t, s.PATs.Replace(t.Context(), record, 0, event(audit.TokenUpdated)), pat.ErrNotFound)
	require.Empty(t, drain(t, s))
	second := newRecord(owner.ID)
	second.Name = record.Name
	require.NoError(t, s.PATs.Create(t.Context(), second, 1, event(audit.TokenCreated)), "its name and its place are free")
}

func deleteUnknown(t *testing.T, s Stores) {
	t.Helper()
	for _, token := range []pat.ID{pat.ID(id.New()), "{}", ""} {
		require.ErrorIs(t, s.PATs.Delete(t.Context(), token, event(audit.TokenDeleted)), pat.ErrNotFound)
	}
	require.Empty(t, drain(t, s))
}
