package bolt

import (
	"hash/maphash"
	"slices"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/pat"
)

const (
	// recentSlots is how many tokens are remembered at most: 6 MiB of usual ones, with
	// owners of long names in many groups 50 MiB.
	recentSlots = 1 << 12
	// recentLen is how long the rows of a token and its owner may be, in bytes, that are
	// remembered.
	recentLen = 4 << 10
)

// recent remembers tokens that were used again and again, each with its owner, so that
// the next use need not read the file. This process is the only one that writes to the
// file, so a count of the writes that have begun tells whether what is remembered is
// still what the file has:
//
//	write  begun + 1 ──▶ transaction ──▶ ended + 1 ──▶ answer
//	use    all that have begun have ended? ──▶ read the file ──▶ remember it, as of begun
//	next   begun is what it was then: no write has begun since, so it may answer
//
// Each write makes all of it stale: writes are rare beside uses, and none has to know
// what depends on it.
type recent struct {
	begun, ended atomic.Uint64 // writes
	seed         maphash.Seed
	slots        [recentSlots]recentSlot
}

// recentSlot has one of the tokens that share it: the last that was read from the file
// twice, with no other in between. So tokens that are used once each are not remembered,
// and make none be forgotten.
type recentSlot struct {
	missed atomic.Uint64 // hash of the id that was read from the file
	token  atomic.Pointer[remembered]
}

type remembered struct {
	writes  uint64 // that had begun when it was read, and ended
	revoked bool   // there is a JWT of it that was revoked by itself
	used    pat.Used
}

func newRecent() *recent { return &recent{seed: maphash.MakeSeed()} }

// write notes that a write begins, and done that it has ended, well or not. Nobody is
// told of its end before.
func (r *recent) write() (done func()) {
	r.begun.Add(1)
	return func() { r.ended.Add(1) }
}

// quiet returns how many writes have begun, before the file is read, and whether all of
// them have ended. One that begins after the number was taken and ends before the other
// is read may hide one under way; but then the number is of the past, as is what is
// remembered under it.
func (r *recent) quiet() (writes uint64, all bool) {
	writes = r.begun.Load()
	return writes, r.ended.Load() == writes
}

func (r *recent) slot(id pat.ID) (slot *recentSlot, hash uint64) {
	hash = maphash.String(r.seed, string(id))
	return &r.slots[hash%recentSlots], hash
}

// recall fills used, of which only Now is set, with what is remembered of a token that is
// presented with the right secret, and says by which of the two. The file answers all
// others: that a token is remembered does not show in the time that a wrong secret
// takes, as there is a comparison here in any case.
func (r *recent) recall(p *pat.Presentation, used *pat.Used) (current, found bool) {
	slot, _ := r.slot(p.ID)
	token := slot.token.Load()
	if token != nil && token.writes != r.begun.Load() {
		slot.token.CompareAndSwap(token, nil)
		token = nil
	}
	known := token != nil && token.used.Record.ID == p.ID && (p.JTI == "" || !token.revoked)
	verifier := &used.Verifier // zero, which nothing matches
	if known {
		verifier = &token.used.Verifier
	}
	current, previous := match(verifier, p.Candidates)
	if !known || !current && !previous {
		return false, false
	}
	now := used.Now
	copyUsed(used, &token.used)
	used.Now = now
	return current, true
}

// keep remembers what the file had, after so many writes, of a token whose secret was
// right. The id that was presented is a part of what somebody sent, secret and all, which
// would stay in memory as long as it.
func (r *recent) keep(tx *bbolt.Tx, writes uint64, used *pat.Used) {
	slot, hash := r.slot(used.Record.ID)
	known := slot.token.Load()
	if slot.missed.Swap(hash) != hash || known != nil && known.used.Record.ID == used.Record.ID && known.writes == writes {
		return
	}
	id, owner := []byte(used.Record.ID), []byte(used.Record.Owner)
	if len(tx.Bucket(bucketTokens).Get(id))+len(tx.Bucket(bucketIdentities).Get(owner)) > recentLen {
		return
	}
	token := &remembered{writes: writes, revoked: anyJTI(tx, used.Record.ID)}
	copyUsed(&token.used, used)
	token.used.Record.ID, token.used.JTIRevoked = pat.ID(id), false
	slot.token.Store(token)
}

// copyUsed copies with all that the copy could be changed by: what Use returns is the
// caller's.
func copyUsed(to, from *pat.Used) {
	*to = *from
	record, owner := &to.Record, &to.Owner
	record.Scope, record.Audience, record.Networks = slices.Clone(record.Scope), slices.Clone(record.Audience), slices.Clone(record.Networks)
	record.OldUses, record.Lineage = slices.Clone(record.OldUses), slices.Clone(record.Lineage)
	owner.Groups = slices.Clone(owner.Groups)
}
