package pat

import (
	"context"
	"crypto/sha1" //nolint:gosec // for names, see DeletedWithOwner
	"encoding/hex"
	"errors"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// What a store may answer besides success and fault.ErrUnavailable.
var (
	ErrNotFound  = errors.New("no such token")
	ErrNameTaken = errors.New("the owner has another token of that name")
	// ErrLimit says so of usable tokens and the policy, or of all tokens and MaxRecords.
	ErrLimit   = errors.New("the owner has as many tokens as are allowed")
	ErrNoOwner = errors.New("the owner does not exist")
	// ErrConflict says that the record changed since it was read.
	ErrConflict = errors.New("the token changed in the meantime")
)

// Store keeps records. Each change commits in one step with its audit event,
// the uniqueness of the name and the count of usable tokens; a refused change
// leaves nothing behind. A store in which too many events wait to be shipped
// answers fault.ErrUnavailable to changes, yet never to one that ends access: a
// leaked token that stays alive is worse than a long queue, and what can be ended
// is no more than what is there.
type Store interface {
	Reader
	// Create stores a new record. limit is the number of usable tokens (ACTIVE and
	// not expired, managed ones aside) that the holder may have with this one; 0:
	// no limit. The owner must exist (ErrNoOwner); ErrNameTaken, ErrLimit, which is
	// also the answer to a holder who has MaxRecords tokens already. A parent token
	// in the same shard must still be ACTIVE (ErrConflict).
	Create(ctx context.Context, record Record, limit int, event audit.Event) error
	// Replace stores record if the stored revision still is record.Revision, and
	// raises it by one; else ErrConflict. LastUsed, LastSeen and OldUses stay as
	// stored, but OldUses is cleared when Verifier.Previous changes: it tells of one
	// old secret. Holder, Created and Lineage never change. ErrNameTaken if the name changed to one in use; ErrNotFound. If the
	// change makes a token usable again, limit counts as in Create.
	Replace(ctx context.Context, record Record, limit int, event audit.Event) error
	// Revoke applies a revocation where its guard holds, and returns the record as
	// it is then. changed is false if it was already so; ErrNotFound. The event is
	// committed only with a change.
	Revoke(ctx context.Context, r Revocation, event audit.Event) (record Record, changed bool, err error)
	// Delete removes the record and frees its name; ErrNotFound.
	Delete(ctx context.Context, id ID, event audit.Event) error
}

// Revocation ends a token. Its guard: the stored generation is at most
// Generation, and either the state is ACTIVE, or it is REVOKED and reversible
// and this one is not: then the revocation becomes final and keeps its first
// RevokedAt. So replaying a revocation is always safe.
type Revocation struct {
	ID         ID
	Generation int64
	To         State // StateRevoked or StateAutoRevoked
	At         time.Time
	By         directory.ID
	Reason     Reason
	Reversible bool
}

// UseStore serves the hot path: a token presented, and a JWT of it.
type UseStore interface {
	// Use loads a token with its owner, says whether the JWT that p names was revoked
	// and, when the secret is right and the token is ACTIVE but expired, makes it AUTO_REVOKED: one step, exactly one transition
	// and one event (ExpiredEvent) under any concurrency. A wrong secret and an
	// unknown id take the same calls and give answers of the same shape, and
	// change nothing. It returns nil beside an error, and only then.
	Use(ctx context.Context, p Presentation) (*Used, error)
	// Touch writes, each if it is due by the store's clock: the last use (a day
	// after the one before), the last sighting (likewise), an old secret's use, a
	// newer digest for the same secret. It reports whether LastUsed was written.
	Touch(ctx context.Context, t Touch) (bool, error)
	// Live loads a token with its owner for a JWT that was minted from it, and
	// says whether that JWT was revoked by itself. It changes nothing.
	Live(ctx context.Context, id ID, jti string) (Live, error)
	// RevokeJTI ends one JWT until its expiry; changed is false if it was ended
	// before. ErrNotFound when the token is gone, and with it the JWT.
	RevokeJTI(ctx context.Context, id ID, jti string, expiry time.Time, event audit.Event) (changed bool, err error)
}

// Presentation is a parsed token, as a store may see it.
type Presentation struct {
	ID         ID
	Candidates []Digest // one per live pepper version
	// Now is the caller's clock. A store with a clock of its own uses that one and
	// answers fault.ErrUnavailable when they differ by more than MaxSkew.
	Now    time.Time
	Origin audit.Origin
	// JTI names a JWT that was minted from the token earlier; empty: none.
	JTI string
}

// MaxSkew bounds the difference between the store's clock and a replica's.
const MaxSkew = 30 * time.Second

// TouchInterval is the least time between two writes of LastUsed, or LastSeen.
const TouchInterval = 24 * time.Hour

// Used is what a store answers to a presentation. With a wrong secret or an
// unknown id only Verifier is filled (for an unknown id with some digest that
// nothing matches). It is the caller's, who may change it.
type Used struct {
	Verifier Verifier
	Record   Record
	Owner    directory.Identity // zero if the owner is gone
	// Transitioned says that this very use made the token AUTO_REVOKED. Record
	// shows the state after it.
	Transitioned bool
	JTIRevoked   bool      // the JWT that the presentation names was revoked by itself
	Now          time.Time // the clock by which it was decided
}

// Touch asks for the writes that follow a use. Zero members ask for nothing.
type Touch struct {
	ID     ID
	Now    time.Time // the caller's clock, as in Presentation
	Used   bool
	Seen   bool
	OldUse *OldUse
	// Rehash replaces Verifier.Current if that still is Replaces.
	Rehash, Replaces Digest
}

// Live is a token as a JWT of it needs it.
type Live struct {
	Record  Record
	Owner   directory.Identity // zero if the owner is gone
	Revoked bool               // this JWT by itself
	Now     time.Time
}

// ExpiredEvent is the event of an auto-revocation. A token has one in its life,
// so its id serves as the event's.
func ExpiredEvent(record *Record, p *Presentation, now time.Time) audit.Event {
	return audit.Event{
		ID: string(record.ID), Time: now, Name: audit.TokenExpired, Organization: string(record.Organization),
		Actor: string(record.Owner), PATID: string(record.ID), Owner: string(record.Owner), Outcome: audit.Success,
	}.From(p.Origin)
}

// DeletedWithOwner is the event of a token that goes with its owner, of whose
// deletion deleted is the event. A token goes once, so the event's id follows
// from the token's. SHA-1 is what the script of a store can compute; it names the
// event and proves nothing.
func DeletedWithOwner(deleted *audit.Event, record *Record) audit.Event {
	name := sha1.Sum([]byte("deleted:" + string(record.ID))) //nolint:gosec // a name, as said above
	return audit.Event{
		ID: hex.EncodeToString(name[:])[:id.Len], Time: deleted.Time, Name: audit.TokenDeleted, Organization: string(record.Organization),
		Actor: deleted.Actor, PATID: string(record.ID), Owner: string(record.Owner), Outcome: audit.Success,
	}.From(audit.Origin{IP: deleted.IP, UserAgent: deleted.UserAgent, TrackingID: deleted.TrackingID})
}
