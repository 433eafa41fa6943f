package pat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/instant"
)

// ErrUnproved says that nobody has proved to hold a token: there is none of
// that id, or the secret is another. It tells no more, whatever the cause.
var ErrUnproved = errors.New("no proof of a token")

// ErrOldSecret is ErrUnproved for the audit trail: the secret is the one before
// a rotation whose grace period is over, so somebody still keeps it.
var ErrOldSecret = fmt.Errorf("%w: the secret before the last rotation", ErrUnproved)

// Cause says why a token whose secret was right is refused all the same.
type Cause string

// The causes, in the order in which they are looked for.
const (
	CauseRevoked       Cause = "revoked"
	CauseAutoRevoked   Cause = "auto_revoked"
	CauseExpired       Cause = "expired"
	CauseOwnerGone     Cause = "owner_gone"
	CauseOwnerDisabled Cause = "owner_disabled"
	CauseOwnerInactive Cause = "owner_inactive"
	CauseGeneration    Cause = "generation"   // a JWT from before a revocation or a rotation without grace
	CauseTokenRevoked  Cause = "access_token" // a JWT that was revoked by itself
)

// Causes returns all of them.
func Causes() []Cause {
	return []Cause{
		CauseRevoked, CauseAutoRevoked, CauseExpired, CauseOwnerGone, CauseOwnerDisabled, CauseOwnerInactive, CauseGeneration, CauseTokenRevoked,
	}
}

// RefusedError is the error of a use that is refused although the secret was right.
type RefusedError struct {
	Cause Cause
	// Description is a fixed sentence for whoever proved the secret; it repeats
	// nothing that was sent.
	Description string
}

func (r *RefusedError) Error() string { return r.Description }

// Use is a token that was presented, with its owner, as of Now: one that is in order, or,
// beside a *RefusedError, one that is not.
type Use struct {
	*Used // nil beside other errors, and where the token behind a JWT is gone

	OldSecret bool   // the one before the last rotation, within its grace period
	rehash    Digest // set if the secret should be kept under a newer pepper
}

// Use checks a presented token: its secret (ErrUnproved, ErrOldSecret), its
// state, its expiry, which ends it, and its owner (*RefusedError), as of now. fault.ErrUnavailable when the store
// cannot tell. It writes nothing but the end of an expired token.
func (s *Service) Use(ctx context.Context, token Token, who *directory.Snapshot, origin audit.Origin) (Use, error) {
	return s.UseAgain(ctx, token, "", who, origin)
}

// UseAgain is Use, and in the same look at the store tells whether a JWT that was minted
// from the token earlier was revoked by itself.
func (s *Service) UseAgain(ctx context.Context, token Token, jti string, who *directory.Snapshot, origin audit.Origin) (Use, error) {
	candidates := s.peppers.Candidates(token)
	presentation := Presentation{ID: token.ID(), Candidates: candidates, Now: s.now(), Origin: origin, JTI: jti}
	used, err := s.uses.Use(ctx, presentation)
	if err != nil {
		return Use{}, fmt.Errorf("use token: %w", err)
	}
	matched, old := used.Verifier.match(candidates)
	switch {
	case matched.IsZero():
		return Use{}, ErrUnproved
	case old && !used.Now.Before(used.Verifier.PreviousUntil):
		return Use{}, ErrOldSecret
	case used.Record.ID != token.ID():
		return Use{}, fmt.Errorf("use token: the store answered with another record: %w", fault.ErrUnavailable)
	}
	use := Use{Used: used, OldSecret: old}
	// Another replica may have a newer version in use already: nobody moves it back.
	if newest := candidates[0]; !old && matched.Pepper < newest.Pepper {
		use.rehash = newest
	}
	policy, err := policyOf(who, &use.Record)
	if err != nil {
		return Use{}, err
	}
	if err := s.checkState(ctx, &use, &presentation, policy); err != nil {
		return use, err
	}
	return use, checkOwner(&use.Record, &use.Owner, policy, use.Now)
}

// match returns the stored digest that equals a candidate, and whether it is
// the previous one. It compares every pair in constant time.
func (v *Verifier) match(candidates []Digest) (matched Digest, old bool) {
	for _, candidate := range candidates {
		if v.Previous.equal(candidate) {
			matched, old = candidate, true
		}
		if v.Current.equal(candidate) {
			return candidate, false
		}
	}
	return matched, old
}

func policyOf(who *directory.Snapshot, record *Record) (*directory.Policy, error) {
	organization, ok := who.Organization(record.Organization)
	if !ok {
		return nil, fmt.Errorf("organization of a token is not in the directory: %w", fault.ErrUnavailable)
	}
	return &organization.Policy, nil
}

func (s *Service) checkState(ctx context.Context, use *Use, p *Presentation, policy *directory.Policy) error {
	record := &use.Record
	switch record.State {
	case StateActive:
	case StateAutoRevoked:
		cause := CauseAutoRevoked
		if use.Transitioned {
			cause = CauseExpired
		}
		return expiredRefusal(cause, EffectiveExpiration(record, policy))
	case StateRevoked:
		return &RefusedError{Cause: CauseRevoked, Description: "the token was revoked on " + instant.Format(record.RevokedAt)}
	default:
		return &RefusedError{Cause: CauseRevoked, Description: "the token was revoked"}
	}
	effective := EffectiveExpiration(record, policy)
	if effective.IsZero() || use.Now.Before(effective) {
		return nil
	}
	// The store ends what its record says is expired; what only the policy caps
	// is ended here.
	revocation := Revocation{ID: record.ID, Generation: record.Generation, To: StateAutoRevoked, At: Milliseconds(use.Now), By: record.Owner}
	after, _, err := s.store.Revoke(ctx, revocation, ExpiredEvent(record, p, Milliseconds(use.Now)))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("auto-revoke token: %w", err)
	}
	if err == nil {
		use.Record = after
	}
	return expiredRefusal(CauseExpired, effective)
}

// EffectiveExpiration is when a token ends under its organization's policy:
// its own expiry, or the cap on existing tokens if that comes first. Zero: never.
func EffectiveExpiration(record *Record, policy *directory.Policy) time.Time {
	if !policy.EnforceOnExisting || policy.MaxLifetimeSeconds <= 0 {
		return record.Expiration
	}
	limit := record.Created.Add(time.Duration(policy.MaxLifetimeSeconds) * time.Second)
	if record.Expiration.IsZero() || limit.Before(record.Expiration) {
		return limit
	}
	return record.Expiration
}

func expiredRefusal(cause Cause, at time.Time) *RefusedError {
	return &RefusedError{Cause: cause, Description: "the token expired on " + instant.Format(at) + " and is now auto-revoked"}
}

func checkOwner(record *Record, owner *directory.Identity, policy *directory.Policy, now time.Time) error {
	if owner.ID != record.Owner || owner.Organization != record.Organization {
		return &RefusedError{Cause: CauseOwnerGone, Description: "its owner does not exist any more"}
	}
	switch owner.Status(policy, now) {
	case directory.Active:
		return nil
	case directory.Inactive:
		return &RefusedError{Cause: CauseOwnerInactive, Description: "its owner is inactive: log in interactively to use it again"}
	case directory.Disabled:
		return &RefusedError{Cause: CauseOwnerDisabled, Description: "its owner is disabled"}
	default:
		return &RefusedError{Cause: CauseOwnerDisabled, Description: "its owner is disabled"}
	}
}

// UseJWT checks the token behind a JWT whose signature was verified: that it
// exists, is in order, still has the JWT's generation, and that the JWT was not
// revoked by itself. Errors as Use's; an unknown token is a *RefusedError.
func (s *Service) UseJWT(ctx context.Context, id ID, generation int64, jti string, who *directory.Snapshot) (Use, error) {
	live, err := s.uses.Live(ctx, id, jti)
	if errors.Is(err, ErrNotFound) {
		return Use{}, &RefusedError{Cause: CauseRevoked, Description: "the token behind it does not exist any more"}
	}
	if err != nil {
		return Use{}, fmt.Errorf("look up the token of a JWT: %w", err)
	}
	use := Use{Used: &Used{
		Verifier: live.Record.Verifier, Record: live.Record, Owner: live.Owner, JTIRevoked: live.Revoked, Now: live.Now,
	}}
	policy, err := policyOf(who, &use.Record)
	if err != nil {
		return Use{}, err
	}
	switch effective := EffectiveExpiration(&use.Record, policy); {
	case live.Revoked:
		return use, &RefusedError{Cause: CauseTokenRevoked, Description: "the access token was revoked"}
	case use.Record.State != StateActive:
		return use, &RefusedError{Cause: CauseRevoked, Description: "the token behind it was revoked"}
	case use.Record.Generation != generation:
		return use, &RefusedError{Cause: CauseGeneration, Description: "the token behind it was renewed"}
	case !effective.IsZero() && !use.Now.Before(effective):
		return use, &RefusedError{Cause: CauseExpired, Description: "the token behind it expired on " + instant.Format(effective)}
	}
	return use, checkOwner(&use.Record, &use.Owner, policy, use.Now)
}

// Kind says what a use ended in, and so which time is written.
type Kind int

// The kinds of use.
const (
	Minted    Kind = iota // a JWT was minted: lastUsed
	Presented             // accepted without one: lastSeen
)

// Touch writes what is due after a use: lastUsed or lastSeen at most once in
// TouchInterval, the use of an old secret, a digest under a newer pepper. It
// outlives the client's request.
func (s *Service) Touch(ctx context.Context, use *Use, kind Kind, origin audit.Origin) error {
	last := use.Record.LastUsed
	if kind == Presented {
		last = use.Record.LastSeen
	}
	due := last.IsZero() || use.Now.Sub(last) >= TouchInterval
	straggler := use.OldSecret && !use.Record.sawOldUse(origin.IP, use.Now)
	if !due && !straggler && use.rehash.IsZero() {
		return nil
	}
	touch := Touch{
		ID: use.Record.ID, Now: s.now(), Used: due && kind == Minted, Seen: due && kind == Presented,
		Rehash: use.rehash, Replaces: use.Record.Verifier.Current,
	}
	if straggler {
		touch.OldUse = &OldUse{At: Milliseconds(use.Now), IP: origin.IP, UserAgent: origin.UserAgent}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwardsTimeout)
	defer cancel()
	if _, err := s.uses.Touch(ctx, touch); err != nil {
		return fmt.Errorf("touch token: %w", err)
	}
	return nil
}
