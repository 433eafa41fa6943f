package api

import (
	"errors"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// forbiddenError says why whoever is known may not do something, by a text of the
// catalogues.
type forbiddenError struct {
	key  key
	args []any
}

func (e *forbiddenError) Error() string { return string(e.key) }

// lacksRight says that the caller's owner would need a right.
func lacksRight(right directory.Right) error {
	return &forbiddenError{key: causeRight, args: []any{right}}
}

// lacksRole says that the caller's owner would need a role.
func lacksRole(role directory.Role) error {
	return &forbiddenError{key: causeRole, args: []any{role}}
}

// widerCause says in what a token would be wider than another, and what to do.
func widerCause(wider *pat.WiderError) cause {
	bound := termActing
	if wider.ByMaker {
		bound = termMaker
	}
	text, known := map[string]key{
		"scope": causeWiderScope, "expirationDate": causeWiderEnd, "level": causeWiderLevel, "audience": causeWiderTarget, "allowedNetworks": causeWiderFrom,
	}[wider.Field]
	if !known {
		return cause{key: causeWider}
	}
	return cause{key: text, args: []any{bound}}
}

// rotationError says of a token that is wider than the one it should be rotated by
// means of what to do: its fields are none that the request could mend.
func rotationError(err error) error {
	if wider, ok := errors.AsType[*pat.WiderError](err); ok {
		return &forbiddenError{key: causeWiderRotate, args: []any{wider.Field}}
	}
	return err
}
