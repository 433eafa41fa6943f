package pat

import (
	"time"

	"github.com/cambio-sts/cambio/directory"
)

// UnusedAt is when a token that is not used again is revoked as unused; zero: never.
func (r *Record) UnusedAt(policy *directory.Policy) time.Time {
	if policy.UnusedRevokeDays <= 0 {
		return time.Time{}
	}
	return r.lastSign().Add(time.Duration(policy.UnusedRevokeDays) * 24 * time.Hour)
}

// EarlierEnd is the end of a token by a policy.
type EarlierEnd struct {
	Before time.Time // its end by the policy before; zero: none
	At     time.Time
	Unused bool // revoked as unused, not by the longest life
}

// EndsEarlier tells when an Active token ends by a policy, if that is earlier than by
// the one before. That it is not used counts only if that ends it at once: it may be
// used any time before.
func EndsEarlier(record *Record, before, after *directory.Policy, now time.Time) (EarlierEnd, bool) {
	was := EffectiveExpiration(record, before)
	if record.State != StateActive || !was.IsZero() && !now.Before(was) {
		return EarlierEnd{}, false
	}
	end := EarlierEnd{Before: was, At: EffectiveExpiration(record, after)}
	earlier := !end.At.IsZero() && (was.IsZero() || end.At.Before(was))
	due := func(policy *directory.Policy) bool {
		at := record.UnusedAt(policy)
		return !at.IsZero() && !now.Before(at)
	}
	if due(after) && !due(before) && (end.At.IsZero() || now.Before(end.At)) {
		end.At, end.Unused, earlier = now, true, true
	}
	return end, earlier
}
