package api

import (
	"context"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

// caller is who acts, and from where.
type caller struct {
	*exchange.Principal
	origin audit.Origin
}

type callerKey struct{}

func withCaller(ctx context.Context, who *caller) context.Context {
	return context.WithValue(ctx, callerKey{}, who)
}

// callerFrom returns who acts. Every route lies behind the gate, which puts it
// there.
func callerFrom(ctx context.Context) *caller {
	who, _ := ctx.Value(callerKey{}).(*caller)
	return who
}

// scopeError says that the caller's owner may, but not by this token (RFC 6750
// §3.1, insufficient_scope).
type scopeError struct{ scope string }

func (e *scopeError) Error() string { return "the token lacks the scope " + e.scope }

// actor is the caller as changes of tokens name it.
func (c *caller) actor() pat.Actor {
	return pat.Actor{Identity: c.Identity.ID, Parent: &c.Token, Origin: c.origin}
}

// need refuses who lacks a right, or acts by a token that does not cover it.
func (c *caller) need(right directory.Right) error {
	switch {
	case c.May(right):
		return nil
	case c.Access.HasRight(right):
		return &scopeError{scope: string(right)}
	default:
		return lacksRight(right)
	}
}

// needPlatformAdmin refuses who does not administer the platform. No narrower
// scope covers that than everything the owner may do.
func (c *caller) needPlatformAdmin() error {
	switch {
	case !c.Access.HoldsRole(directory.PlatformAdmin, directory.OnPlatform, ""):
		return lacksRole(directory.PlatformAdmin)
	case !c.Covers(pat.ScopeAll):
		return &scopeError{scope: pat.ScopeAll}
	default:
		return nil
	}
}

// needSight refuses who may see no token at all, before any is looked for.
func (c *caller) needSight() error {
	if c.May(directory.ReadAllTokens) {
		return nil
	}
	return c.need(directory.ReadMyTokens)
}

// sees reports whether a token exists for the caller.
func (c *caller) sees(record *pat.Record) bool {
	switch {
	case record.Organization != c.Identity.Organization:
		return false
	case record.Managed && !c.May(directory.ReadManagedTokens):
		return false
	case c.owns(record) && c.May(directory.ReadMyTokens):
		return true
	default:
		return c.May(directory.ReadAllTokens)
	}
}

func (c *caller) owns(record *pat.Record) bool { return record.Owner == c.Identity.ID }

// administers reports whether the caller may end other people's tokens. The role
// has no scope of its own; a token that manages tokens covers it.
func (c *caller) administers() bool {
	return c.Access.HoldsOrganizationRole(directory.AdministerNonInteractiveUser) && c.coversManaging()
}

func (c *caller) coversManaging() bool {
	return c.Covers(directory.ManageMyTokens) || c.Covers(directory.ManageAllTokens)
}

// needEnding refuses who may revoke no token at all.
func (c *caller) needEnding() error {
	switch {
	case c.administers():
		return nil
	case c.Access.HoldsOrganizationRole(directory.AdministerNonInteractiveUser):
		return &scopeError{scope: string(directory.ManageMyTokens)}
	default:
		return c.need(directory.ManageMyTokens)
	}
}

// needDeleting refuses who may delete no token at all.
func (c *caller) needDeleting() error {
	if c.May(directory.ManageAllTokens) {
		return nil
	}
	return c.need(directory.ManageMyTokens)
}
