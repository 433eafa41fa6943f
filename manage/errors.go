package manage

import (
	"errors"

	"github.com/cambio-sts/cambio/directory"
)

// What a use case may answer besides the errors of pat, directory and keys.
var (
	// ErrNotFound says that there is no such thing, or none that the caller may see.
	ErrNotFound = errors.New("no such thing")
	// ErrOwner says that the owner of whom tokens are asked for is no id.
	ErrOwner = errors.New("the owner is no id")
	// ErrNotOwner says that nobody but its owner can do that to a token.
	ErrNotOwner = errors.New("the token is somebody else's")
	// ErrTechnicalUser says that a technical user has no personal tokens.
	ErrTechnicalUser = errors.New("a technical user has no personal tokens")
	// ErrOldSecret says that a token has a new secret, which must be used to change it.
	ErrOldSecret = errors.New("the token has a new secret")
	// ErrNotProvisioner says that the caller is not the technical user of an
	// organization's administrating token.
	ErrNotProvisioner = errors.New("provisioning needs an organization's token with adminRole")
	// ErrChanged says that what should be changed is not what the caller has read.
	ErrChanged = errors.New("it is not what was read")
	// ErrLastAdministrator says that nobody would administer the platform.
	ErrLastAdministrator = directory.ErrLastAdministrator
	// ErrBuiltIn says that only a platform_admin ends the built-in administrator.
	ErrBuiltIn = errors.New("the built-in administrator is the platform's")
	// ErrTechnical says that a technical user lives and dies with its token.
	ErrTechnical = errors.New("a technical user is changed and deleted with its token")
	// ErrSelf says that callers cannot disable or delete themselves.
	ErrSelf = errors.New("that would end the caller")
)

// ScopeError says that the caller's identity may, but not by this token (RFC 6750
// §3.1, insufficient_scope).
type ScopeError struct{ Scope string }

func (e *ScopeError) Error() string { return "the token lacks the scope " + e.Scope }

// LackError says what the caller's identity would need: a role, a right, or both.
type LackError struct {
	Role  directory.Role
	Right directory.Right
}

func (e *LackError) Error() string {
	if e.Role != "" {
		return "the role " + string(e.Role) + " is lacking"
	}
	return "the right " + string(e.Right) + " is lacking"
}

// GiveError says that a change would give somebody a role or right that the caller
// neither holds nor may assign.
type GiveError struct{ Assignment directory.Assignment }

func (e *GiveError) Error() string {
	return "it would give " + nameOf(&e.Assignment) + ", which the caller neither holds nor may assign"
}

// Name is the role or the rights that would be given.
func (e *GiveError) Name() string { return nameOf(&e.Assignment) }

// ServiceError says that a token is to be meant for a service that is not configured, or
// not for the organization of its owner.
type ServiceError struct {
	Index   int    // in the list that was given
	Default string // the management API, which there always is
}

func (e *ServiceError) Error() string { return "the service is unknown" }
