package pat

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cambio-sts/cambio/directory"
)

// ErrWider says that a token would get more than the one by means of which it
// is made or changed: scope, level, expiry, audience or networks. WiderError says
// which of them.
var ErrWider = errors.New("wider than the token by means of which it is made")

// ErrParentEnded is ErrWider because there is nothing left to be as narrow as: the
// parent, or the secret that it was presented by, ended meanwhile.
var ErrParentEnded = fmt.Errorf("%w: that one has ended", ErrWider)

// WiderError is ErrWider in one field.
type WiderError struct {
	Field string // its name in the API: scope, expirationDate, level, audience or allowedNetworks
	// ByMaker says that the bound is the token that made this one (CreatedByPAT),
	// not the one that the actor acts with.
	ByMaker bool
}

func (e *WiderError) Error() string { return e.Field + ": " + ErrWider.Error() }

// Unwrap returns ErrWider.
func (e *WiderError) Unwrap() error { return ErrWider }

// inherit fills what a draft leaves open and its parent restricts.
func inherit(record, parent *Record) {
	if parent == nil {
		return
	}
	if len(record.Audience) == 0 {
		record.Audience = slices.Clone(parent.Audience)
	}
	if len(record.Networks) == 0 {
		record.Networks = slices.Clone(parent.Networks)
	}
}

// within refuses a record that is wider than its parent, a token as it was
// when it was authenticated; so a token cannot widen itself either. *WiderError.
func within(record, parent *Record, policy *directory.Policy) error {
	if parent == nil {
		return nil
	}
	if err := withinScope(record, parent); err != nil {
		return err
	}
	if end := EffectiveExpiration(parent, policy); !end.IsZero() && (record.Expiration.IsZero() || record.Expiration.After(end)) {
		return &WiderError{Field: "expirationDate"}
	}
	if levelRank(record.Level) > levelRank(parent.Level) {
		return &WiderError{Field: "level"}
	}
	if len(parent.Audience) > 0 && (len(record.Audience) == 0 || !subset(record.Audience, parent.Audience)) {
		return &WiderError{Field: "audience"}
	}
	if len(parent.Networks) > 0 && !insideNetworks(record.Networks, parent.Networks) {
		return &WiderError{Field: "allowedNetworks"}
	}
	return nil
}

func withinScope(record, parent *Record) error {
	for _, scope := range record.Scope {
		if !Covers(parent.Scope, scope) {
			return &WiderError{Field: "scope"}
		}
	}
	return nil
}

// levelRank orders what a token reaches. A person's own token reaches whatever
// the person may administer, so it bounds no level.
func levelRank(level Level) int {
	switch level {
	case Group:
		return 1
	case Organization, Personal:
		return 2
	default:
		return 3
	}
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}

func insideNetworks(inner, outer []netip.Prefix) bool {
	if len(inner) == 0 {
		return false
	}
	return !slices.ContainsFunc(inner, func(in netip.Prefix) bool {
		return !slices.ContainsFunc(outer, func(out netip.Prefix) bool {
			return out.Bits() <= in.Bits() && out.Contains(in.Addr())
		})
	})
}
