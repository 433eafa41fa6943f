package pat

import (
	"net/netip"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
)

// State is what a record says of itself. Whether an ACTIVE one has expired
// follows from the clock.
type State string

// The stored states.
const (
	StateActive      State = "ACTIVE"
	StateRevoked     State = "REVOKED"
	StateAutoRevoked State = "AUTO_REVOKED" // used after its expiry
)

// Status is what people are shown: the state, with expiry derived.
type Status string

// The shown statuses.
const (
	Active      Status = "Active"
	Revoked     Status = "Revoked"
	Expired     Status = "Expired"
	AutoRevoked Status = "Auto-revoked"
)

// Level says whom a token acts for.
type Level string

// The levels. Group and organization tokens are owned by a technical user.
const (
	Personal     Level = "personal"
	Group        Level = "group"
	Organization Level = "organization"
)

// Reason says why a token was revoked.
type Reason string

// The reasons.
const (
	Compromised Reason = "compromised" // final at every level, and ends the children too
	Unused      Reason = "unused"
	Other       Reason = "other"
)

// Record is a token as it is stored: all of it but the secret. Times have
// millisecond precision; a zero time is an absent one.
type Record struct {
	ID           ID
	Organization directory.ID
	Owner        directory.ID
	Name         string // unique among the tokens of Holder
	Description  string
	Scope        []string
	Level        Level
	LevelID      directory.ID // group or organization; empty at personal level
	AdminRole    bool
	Audience     []string       // empty: any service
	Networks     []netip.Prefix // empty: any
	Managed      bool           // made by the platform, not counted in limits
	// AccessTokenLife of the JWTs it is exchanged for; 0: the organization's default.
	AccessTokenLife time.Duration

	Created                  time.Time
	CreatedBy                directory.ID
	CreatedByPAT             ID // the token by means of which it was made
	Modified                 time.Time
	Expiration               time.Time // zero: never
	NeverExpiresAcknowledged bool

	LastUsed time.Time // last use that minted a JWT; written at most once in 24 h
	LastSeen time.Time // any accepted presentation; written at most once in 24 h

	State        State
	RevokedAt    time.Time
	RevokedBy    directory.ID // empty when the platform did it
	RevokeReason Reason
	Reversible   bool // a Revoked one may be reactivated

	// Generation is raised by reactivation and by a rotation without grace; JWTs
	// of an earlier one are dead for good. From 1.
	Generation int64
	Verifier   Verifier
	OldUses    []OldUse // of the secret that is Verifier.Previous, newest first, at most MaxOldUses
	// Revision is raised by each change but LastUsed, LastSeen, OldUses and a
	// digest moved to a newer pepper; it guards Replace. From 1.
	Revision int64
	// Lineage is the tokens by means of which it came to be, first ancestor first;
	// the last is CreatedByPAT. At most MaxLineage; nil: made by no token.
	Lineage []ID
}

// MaxLineage is how many ancestors a token has at most.
const MaxLineage = 16

// MaxRecords is how many tokens a holder has at most, usable or not, managed
// ones too. It bounds what is read and written with a holder as a whole.
const MaxRecords = 1000

// Verifier is what a secret is checked against. After a rotation the previous
// digest is kept: until PreviousUntil it is as good as the current one, and
// afterwards its use is an alarm.
type Verifier struct {
	Current       Digest
	Previous      Digest
	PreviousUntil time.Time
}

// PeppersAt returns the versions of the pepper without which a secret of the token would
// lose its use at now: none for one that has ended for good. A token that has expired
// counts until it is used again, as its expiry may be put off.
func (r *Record) PeppersAt(now time.Time) []int {
	if r.State != StateActive && (r.State != StateRevoked || !r.Reversible) {
		return nil
	}
	versions := []int{r.Verifier.Current.Pepper}
	if earlier := r.Verifier.Previous.Pepper; earlier != 0 && earlier != versions[0] && now.Before(r.Verifier.PreviousUntil) {
		versions = append(versions, earlier)
	}
	return versions
}

// oldUseInterval is the least time between two notes of an old secret's use from
// one address.
const oldUseInterval = time.Hour

// sawOldUse reports whether a use of the old secret from ip was noted lately.
func (r *Record) sawOldUse(ip string, now time.Time) bool {
	return slices.ContainsFunc(r.OldUses, func(use OldUse) bool { return use.IP == ip && now.Sub(use.At) < oldUseInterval })
}

// MaxOldUses is how many uses of an old secret a record remembers.
const MaxOldUses = 20

// OldUse is a use of the secret before the last rotation, one per address.
type OldUse struct {
	At        time.Time
	IP        string
	UserAgent string
}

// Holder is the namespace in which the token's name is unique and limits count:
// the owner at personal level, the group or organization otherwise. The id of a
// token lies in the shard of its holder.
func (r *Record) Holder() directory.ID {
	if r.Level == Personal {
		return r.Owner
	}
	return r.LevelID
}

// ExpiredAt reports whether the token has an expiry that is reached at now.
func (r *Record) ExpiredAt(now time.Time) bool {
	return !r.Expiration.IsZero() && !now.Before(r.Expiration)
}

// Status derives what people are shown at now.
func (r *Record) Status(now time.Time) Status {
	switch r.State {
	case StateRevoked:
		return Revoked
	case StateAutoRevoked:
		return AutoRevoked
	case StateActive:
		if r.ExpiredAt(now) {
			return Expired
		}
		return Active
	default:
		return Revoked
	}
}

// Reactivatable reports whether a reactivation at now would be allowed.
func (r *Record) Reactivatable(now time.Time) bool {
	return r.State == StateRevoked && r.Reversible && !r.ExpiredAt(now)
}
