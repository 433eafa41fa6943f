package manage

import (
	"context"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// What a caller may do, for who shows or hides it. Nothing is decided here: each use case
// asks the same table again, and may refuse besides what no role or right permits, as to
// give away what the caller does not hold.

// May reports whether the caller could do something to some target, as there may be one
// of their own or in their organization.
func (*Manager) May(c *Caller, action Action) bool {
	allowed := func(action Action) bool { return c.could(action) == nil }
	switch action {
	case CreateToken:
		return c.Identity.Type != directory.TechnicalUser && allowed(action)
	case ChangeToken, RevokeToken, DeleteToken: // what is not seen is not there
		return allowed(ReadToken) && allowed(action)
	case SeeManaged:
		return (allowed(ReadToken) || allowed(ReadLevelToken)) && allowed(action)
	default:
		return allowed(action)
	}
}

// MayToken reports whether the caller may do something to a token: ReadToken, SeeManaged,
// ChangeToken, RevokeToken, DeleteToken, ReadLevelToken or ManageLevelToken. Whether its
// status allows that is another matter.
func (*Manager) MayToken(c *Caller, action Action, token *Token) bool {
	record := &token.Record
	switch action {
	case ReadToken:
		return c.sees(record)
	case ChangeToken, RevokeToken, DeleteToken:
		return c.sees(record) && c.may(action, ofToken(record))
	case SeeManaged:
		return (c.sees(record) || c.seesInLevel(record)) && c.may(action, ofToken(record))
	case ReadLevelToken:
		return c.seesInLevel(record)
	case ManageLevelToken:
		return c.seesInLevel(record) && c.may(action, ofToken(record))
	default:
		return false
	}
}

// MayLevel reports whether the caller may do something to the tokens of a group or an
// organization: ReadLevelToken or ManageLevelToken. While the store is in trouble, nothing.
func (m *Manager) MayLevel(ctx context.Context, c *Caller, action Action, level Level) bool {
	if action != ReadLevelToken && action != ManageLevelToken {
		return false
	}
	if level.Of != pat.Group {
		return c.may(action, inOrganization(directory.ID(level.ID)))
	}
	snapshot, err := m.directory.Snapshot(ctx)
	if err != nil {
		return false
	}
	group, ok := snapshot.Group(directory.ID(level.ID))
	return ok && c.may(action, ofGroup(group))
}

// MayGroup reports whether the caller may do something to a group: ReadGroup, WriteGroup,
// ReadMembers or WriteMembers.
func (*Manager) MayGroup(c *Caller, action Action, group *Group) bool {
	switch action {
	case ReadGroup, WriteGroup, ReadMembers, WriteMembers:
		return c.may(ReadGroup, ofGroup(&group.Group)) && c.may(action, ofGroup(&group.Group))
	default:
		return false
	}
}

// MayOrganization reports whether the caller may do something to an organization, which
// need not be their own: ReadOrganization, WriteOrganization, ReadPolicy or WritePolicy.
func (*Manager) MayOrganization(c *Caller, action Action, organization directory.ID) bool {
	switch action {
	case ReadOrganization, WriteOrganization, ReadPolicy, WritePolicy:
		return c.may(ReadOrganization, inOrganization(organization)) && c.may(action, inOrganization(organization))
	default:
		return false
	}
}
