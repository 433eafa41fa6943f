package storagetest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

func runEnded(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"revoked":               endedByRevoke,
		"revoked finally":       endedFinally,
		"expired":               endedByUse,
		"deleted":               endedByDelete,
		"deleted with owner":    endedWithOwner,
		"replaced":              endedByReplace,
		"a JWT":                 endedJWT,
		"owner disabled":        endedOwner,
		"tokens of owners":      endedOwned,
		"cursors":               endedCursors,
		"concurrent writers":    endedWriters,
		"one of 100 is told":    endedOnce,
		"repeated under a name": endedRepeated,
	})
}

// following is a cursor, and what it has told.
type following struct {
	pat.EndedCursor
	began time.Time
}

func follow(s Stores) *following { return &following{s.Ended.Follow(), clock()} }

// next reads what was told since the last call, and proves when that was.
func (f *following) next(t *testing.T) []pat.Ended {
	t.Helper()
	told, err := f.Next(t.Context())
	require.NoError(t, err)
	for i := range told {
		require.WithinRange(t, told[i].At, f.began.Add(-pat.MaxSkew), clock().Add(pat.MaxSkew))
		require.Equal(t, told[i].At.Truncate(time.Millisecond).UTC(), told[i].At)
		if i > 0 {
			require.False(t, told[i].At.Before(told[i-1].At), "oldest first")
		}
	}
	return told
}

// require proves that since the last call exactly these were told.
func (f *following) require(t *testing.T, what string, want ...pat.Ended) {
	t.Helper()
	told := f.next(t)
	for i := range told {
		told[i].At = time.Time{}
	}
	require.ElementsMatch(t, want, told, what)
}

func endOf(token pat.ID, generation int64) pat.Ended {
	return pat.Ended{Kind: pat.EndedToken, ID: string(token), Generation: generation}
}

func endedByRevoke(t *testing.T, s Stores) {
	t.Helper()
	f := follow(s)
	plain := func(*pat.Revocation) {}
	for name, c := range map[string]struct {
		state  pat.State
		revoke func(*pat.Revocation)
		want   int64 // 0: it is refused, and nothing is told
	}{
		"active":                       {pat.StateActive, plain, 5},
		"reversibly":                   {pat.StateActive, func(v *pat.Revocation) { v.Reversible = true }, 5},
		"to auto-revoked":              {pat.StateActive, func(v *pat.Revocation) { v.To = pat.StateAutoRevoked }, 5},
		"a later generation was meant": {pat.StateActive, func(v *pat.Revocation) { v.Generation++ }, 5},
		"an earlier generation":        {pat.StateActive, func(v *pat.Revocation) { v.Generation-- }, 0},
		"final already":                {pat.StateRevoked, plain, 0},
	} {
		record := newToken(t, s, func(r *pat.Record) { r.Generation, r.State = 5, c.state })
		v := revocation(&record)
		c.revoke(&v)
		_, changed, err := s.PATs.Revoke(t.Context(), v, event(audit.TokenRevoked))
		require.NoError(t, err)
		require.Equal(t, c.want != 0, changed, name)
		if c.want != 0 {
			f.require(t, name, endOf(record.ID, c.want))
		} else {
			f.require(t, name)
		}
	}
	_, _, err := s.PATs.Revoke(t.Context(), pat.Revocation{ID: pat.ID(id.New()), Generation: 1, To: pat.StateRevoked}, event(audit.TokenRevoked))
	require.ErrorIs(t, err, pat.ErrNotFound)
	f.require(t, "unknown")
}

// endedFinally: a revocation that becomes final is one more.
func endedFinally(t *testing.T, s Stores) {
	t.Helper()
	record, f := newToken(t, s, unchanged), follow(s)
	for _, reversible := range []bool{true, false} {
		v := revocation(&record)
		v.Reversible = reversible
		_, changed, err := s.PATs.Revoke(t.Context(), v, event(audit.TokenRevoked))
		require.NoError(t, err)
		require.True(t, changed)
		f.require(t, "revoked", endOf(record.ID, 1))
	}
}

func endedByUse(t *testing.T, s Stores) {
	t.Helper()
	f := follow(s)
	expired := newToken(t, s, func(r *pat.Record) { r.Generation, r.Expiration = 3, clock().Add(-time.Hour) })
	active := newToken(t, s, func(r *pat.Record) { r.Expiration = clock().Add(time.Hour) })
	mustUse(t, s, present(&active, right(&active)))
	mustUse(t, s, present(&expired, digest(1, "wrong")))
	f.require(t, "not ended")
	require.True(t, mustUse(t, s, present(&expired, right(&expired))).Transitioned)
	f.require(t, "expired", endOf(expired.ID, 3))
	mustUse(t, s, present(&expired, right(&expired)))
	f.require(t, "it has ended")
}

func endedByDelete(t *testing.T, s Stores) {
	t.Helper()
	record, other, f := newToken(t, s, unchanged), newToken(t, s, unchanged), follow(s)
	require.NoError(t, s.PATs.Delete(t.Context(), record.ID, event(audit.TokenDeleted)))
	f.require(t, "deleted", endOf(record.ID, pat.EveryGeneration))
	require.ErrorIs(t, s.PATs.Delete(t.Context(), record.ID, event(audit.TokenDeleted)), pat.ErrNotFound)
	f.require(t, "it is gone")
	mustFind(t, s, other.ID)
}

// endedWithOwner: also the tokens that somebody else holds end with their owner.
func endedWithOwner(t *testing.T, s Stores) {
	t.Helper()
	owner := newOwner(t, s)
	mine, shared, others := newRecord(owner.ID), newRecord(owner.ID), newToken(t, s, unchanged)
	shared.Level, shared.LevelID = pat.Organization, directory.ID(in(id.Shard(string(owner.ID))))
	mustCreate(t, s, mine)
	mustCreate(t, s, shared)
	f := follow(s)
	require.NoError(t, s.Identities.Delete(t.Context(), owner.ID, event(audit.IdentityDeleted)))
	f.require(t, "deleted", endOf(mine.ID, pat.EveryGeneration), endOf(shared.ID, pat.EveryGeneration))
	require.ErrorIs(t, s.Identities.Delete(t.Context(), owner.ID, event(audit.IdentityDeleted)), directory.ErrNotFound)
	require.NoError(t, s.Identities.Delete(t.Context(), newOwner(t, s).ID, event(audit.IdentityDeleted)), "one without tokens")
	f.require(t, "nothing ended")
	mustFind(t, s, others.ID)
}

func endedByReplace(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, func(r *pat.Record) { r.Generation = 3 })
	taken := newRecord(record.Owner)
	mustCreate(t, s, taken)
	f := follow(s)
	record.Description = "changed"
	record.Verifier = pat.Verifier{Current: digest(2, "fresh"), Previous: record.Verifier.Current, PreviousUntil: clock().Add(time.Hour)}
	mustReplace(t, s, record)
	record.Revision++
	f.require(t, "rotated with a grace period")
	raised := record
	raised.Generation++
	for name, c := range map[string]struct {
		change func(*pat.Record)
		want   error
	}{
		"another revision": {func(r *pat.Record) { r.Revision-- }, pat.ErrConflict},
		"name taken":       {func(r *pat.Record) { r.Name = taken.Name }, pat.ErrNameTaken},
		"unknown":          {func(r *pat.Record) { r.ID = pat.NewID(r.Owner) }, pat.ErrNotFound},
	} {
		refused := raised
		c.change(&refused)
		require.ErrorIs(t, s.PATs.Replace(t.Context(), refused, 0, event(audit.TokenRotated)), c.want, name)
		f.require(t, name)
	}
	mustReplace(t, s, raised)
	f.require(t, "rotated without one", endOf(record.ID, 3))
	_, _, err := s.PATs.Revoke(t.Context(), revocation(&raised), event(audit.TokenRevoked))
	require.NoError(t, err)
	f.require(t, "revoked", endOf(record.ID, 4))
	raised = mustFind(t, s, record.ID)
	raised.State, raised.Generation = pat.StateActive, 5
	require.ErrorIs(t, s.PATs.Replace(t.Context(), raised, 1, event(audit.TokenReactivated)), pat.ErrLimit)
	f.require(t, "one too many")
	mustReplace(t, s, raised)
	f.require(t, "reactivated", endOf(record.ID, 4))
}

func endedJWT(t *testing.T, s Stores) {
	t.Helper()
	record, f := newToken(t, s, unchanged), follow(s)
	now := clock()
	told := pat.Ended{Kind: pat.EndedJWT, ID: "a:jti", Token: record.ID, Expiry: pat.Milliseconds(now.Add(time.Hour))}
	for _, c := range []struct {
		name   string
		token  pat.ID
		jti    string
		expiry time.Duration
		err    error
		want   []pat.Ended
	}{
		{"revoked", record.ID, told.ID, time.Hour, nil, []pat.Ended{told}},
		{"once more", record.ID, told.ID, time.Hour, nil, nil},
		{"expired", record.ID, "expired", -time.Second, nil, nil},
		{"of an unknown token", pat.NewID(record.Owner), "another", time.Hour, pat.ErrNotFound, nil},
	} {
		changed, err := s.Uses.RevokeJTI(t.Context(), c.token, c.jti, now.Add(c.expiry), event(audit.AccessTokenRevoked))
		require.ErrorIs(t, err, c.err, c.name)
		require.Equal(t, len(c.want) > 0, changed, c.name)
		f.require(t, c.name, c.want...)
	}
}

func endedOwner(t *testing.T, s Stores) {
	t.Helper()
	owner, f := newOwner(t, s), follow(s)
	owner.Groups = []directory.ID{directory.ID(id.New()), directory.ID(id.New())}
	replace := func(change func(*directory.Identity), refusal error) {
		t.Helper()
		next := owner
		change(&next)
		err := s.Identities.Replace(t.Context(), next, event(audit.IdentityUpdated))
		if refusal != nil {
			require.ErrorIs(t, err, refusal)
			return
		}
		require.NoError(t, err)
		owner = next
		owner.Revision++
	}
	disabled := pat.Ended{Kind: pat.EndedOwner, ID: string(owner.ID)}
	replace(func(i *directory.Identity) { i.DisplayName = "renamed" }, nil)
	replace(func(i *directory.Identity) { i.Groups = i.Groups[:1] }, nil)
	replace(func(i *directory.Identity) { i.Enabled = false; i.Revision-- }, directory.ErrConflict)
	f.require(t, "enabled")
	replace(func(i *directory.Identity) { i.Enabled = false }, nil)
	f.require(t, "disabled", disabled)
	replace(func(i *directory.Identity) { i.DisplayName, i.Groups = "renamed again", nil }, nil)
	f.require(t, "it stays disabled")
	replace(func(i *directory.Identity) { i.Enabled = true }, nil)
	f.require(t, "enabled again")
	replace(func(i *directory.Identity) { i.Enabled, i.Username = false, "another" }, nil)
	f.require(t, "disabled with a new login", disabled)
}

// endedOwned: of an owner all tokens are told, also those of a group and those that ended,
// and none that is another's or was deleted.
func endedOwned(t *testing.T, s Stores) {
	t.Helper()
	ids := func(owners ...directory.ID) [][]pat.ID {
		t.Helper()
		found, err := s.Ended.Owned(t.Context(), owners)
		require.NoError(t, err)
		return found
	}
	owner, other := newOwner(t, s), newOwner(t, s)
	of := func(owner directory.ID, change func(*pat.Record)) pat.ID {
		t.Helper()
		record := newRecord(owner)
		change(&record)
		mustCreate(t, s, record)
		return record.ID
	}
	held, revoked, gone := of(owner.ID, unchanged), of(owner.ID, func(r *pat.Record) { r.State = pat.StateRevoked }), of(owner.ID, unchanged)
	shared := of(owner.ID, func(r *pat.Record) { r.Level, r.LevelID = pat.Group, directory.ID(id.NewIn(string(owner.ID))) })
	require.NoError(t, s.PATs.Delete(t.Context(), gone, event(audit.TokenDeleted)))
	others := of(other.ID, unchanged)
	found := ids(owner.ID, directory.ID(id.New()), other.ID)
	require.Len(t, found, 3)
	require.ElementsMatch(t, []pat.ID{held, revoked, shared}, found[0])
	require.Empty(t, found[1])
	require.Equal(t, []pat.ID{others}, found[2])
	require.Empty(t, ids())
}

// endedCursors: each has a place of its own, from the oldest on, and an error moves none.
func endedCursors(t *testing.T, s Stores) {
	t.Helper()
	first := follow(s)
	first.require(t, "nothing ended")
	var ends []pat.Ended
	for range 3 {
		record := newToken(t, s, unchanged)
		require.NoError(t, s.PATs.Delete(t.Context(), record.ID, event(audit.TokenDeleted)))
		ends = append(ends, endOf(record.ID, pat.EveryGeneration))
	}
	_, err := first.Next(cancelled(t))
	require.ErrorIs(t, err, fault.ErrUnavailable)
	first.require(t, "after an error", ends...)
	first.require(t, "told already")
	second := follow(s)
	second.require(t, "from the oldest on", ends...)
	record := newToken(t, s, unchanged)
	require.NoError(t, s.PATs.Delete(t.Context(), record.ID, event(audit.TokenDeleted)))
	for _, f := range []*following{first, second} {
		f.require(t, "the next", endOf(record.ID, pat.EveryGeneration))
	}
}

// endedWriters: whatever was acknowledged before a call of Next is told by it, or was
// before; and nothing is told that did not end.
func endedWriters(t *testing.T, s Stores) {
	t.Helper()
	const writers, each = 8, 25
	var (
		mu           sync.Mutex
		acknowledged []pat.ID
		done         = make(chan struct{})
		all          sync.WaitGroup
	)
	f := follow(s)
	for range writers {
		owner := newOwner(t, s)
		all.Go(func() {
			for range each {
				record := newRecord(owner.ID)
				made, revoked := event(audit.TokenCreated), event(audit.TokenRevoked)
				assert.NoError(t, insist(func() error { return s.PATs.Create(t.Context(), record, 0, made) }))
				assert.NoError(t, insist(func() error {
					_, _, err := s.PATs.Revoke(t.Context(), revocation(&record), revoked)
					return err
				}))
				mu.Lock()
				acknowledged = append(acknowledged, record.ID)
				mu.Unlock()
			}
		})
	}
	go func() {
		all.Wait()
		close(done)
	}()
	told := map[pat.ID]bool{}
	for last := false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		mu.Lock()
		before := slices.Clip(acknowledged)
		mu.Unlock()
		for _, one := range f.next(t) {
			told[pat.ID(one.ID)] = true
		}
		for _, token := range before {
			require.True(t, told[token], "an end was left out")
		}
	}
	require.Len(t, told, writers*each)
}

func endedOnce(t *testing.T, s Stores) {
	t.Helper()
	record, f := newToken(t, s, unchanged), follow(s)
	together(100, func(int) {
		revoked := event(audit.TokenRevoked)
		assert.NoError(t, insist(func() error { return second2(s.PATs.Revoke(t.Context(), revocation(&record), revoked)) }))
	})
	f.require(t, "100 at once", endOf(record.ID, 1))
}

// endedRepeated: a change that is made again under the name of its event tells of nothing.
func endedRepeated(t *testing.T, s Stores) {
	t.Helper()
	revoked, raised, gone := newToken(t, s, unchanged), newToken(t, s, unchanged), newToken(t, s, unchanged)
	owner, f := newOwner(t, s), follow(s)
	rotated, disabled := raised, owner
	rotated.Generation++
	disabled.Enabled = false
	changes := map[string]func(audit.Event) error{
		"revoke": func(e audit.Event) error { return second2(s.PATs.Revoke(t.Context(), revocation(&revoked), e)) },
		"rotate": func(e audit.Event) error { return s.PATs.Replace(t.Context(), rotated, 0, e) },
		"delete": func(e audit.Event) error { return s.PATs.Delete(t.Context(), gone.ID, e) },
		"a JWT": func(e audit.Event) error {
			return second(s.Uses.RevokeJTI(t.Context(), raised.ID, "jti", clock().Add(time.Hour), e))
		},
		"disable": func(e audit.Event) error { return s.Identities.Replace(t.Context(), disabled, e) },
	}
	for name, change := range changes {
		named := event(audit.TokenUpdated)
		require.NoError(t, change(named), name)
		require.Len(t, f.next(t), 1, name)
		_ = change(named) // done already, or a refusal
		f.require(t, name)
	}
}

// second2 is second for a call that answers two values too.
func second2[A, B any](_ A, _ B, err error) error { return err }
