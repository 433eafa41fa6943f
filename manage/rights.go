package manage

import (
	"slices"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// Action names what a caller wants to do. Each use case has one.
type Action string

// The actions.
const (
	ReadToken   Action = "read a token"
	CreateToken Action = "create a personal token"
	ChangeToken Action = "change or rotate a token"
	RevokeToken Action = "revoke a token"
	DeleteToken Action = "delete a token"
	SeeManaged  Action = "see managed tokens"

	ReadLevelToken   Action = "read a token of a group or an organization"
	ManageLevelToken Action = "manage a token of a group or an organization"

	ReadOrganization  Action = "read an organization"
	WriteOrganization Action = "create or rename an organization"
	ReadPolicy        Action = "read a policy"
	WritePolicy       Action = "write a policy"

	ReadGroup      Action = "read a group"
	WriteGroup     Action = "create, change or delete a group"
	ReadMembers    Action = "read the members of a group"
	WriteMembers   Action = "change the members of a group"
	ReadIdentity   Action = "read an identity"
	WriteIdentity  Action = "create, change or delete an identity"
	ReadRoles      Action = "read role assignments"
	AssignRoles    Action = "assign roles in an organization"
	AssignPlatform Action = "assign roles on the platform"

	ReadServices   Action = "read the services"
	ManageKeys     Action = "read and rotate signing keys"
	ReadAudit      Action = "read the audit trail"
	ReadInactivity Action = "read the inactivity report"

	ExportDirectory Action = "export the directory"
	ImportDirectory Action = "import a directory"
)

// place says where a role must be held.
type place int

const (
	onPlatform     place = iota + 1
	atOrganization       // the target's, which must be the caller's own
	atLevel              // the group or the organization whose token it is
	atGroup              // the target's
)

// permit allows an action to who holds a role, a right or both, by a token that
// covers a scope.
type permit struct {
	role  directory.Role
	also  directory.Role  // held in the organization too
	at    place           // where the role is held
	right directory.Right // held, and covered by the token
	own   bool            // only for what is the caller's own
	// scopes are those of which the token must cover one; none: any token does.
	scopes []string
	// provisioning permits only what came through the provisioning door (SCIM), by the
	// token of a technical user.
	provisioning bool
}

const (
	coversReadingAll  = string(directory.ReadAllTokens)
	coversManagingAll = string(directory.ManageAllTokens)
	coversManagingOwn = string(directory.ManageMyTokens)
)

// gives reports whether an action may give somebody a role or a right. It is decided
// by what is true now, not up to a second ago.
func gives(action Action) bool {
	switch action {
	case WriteGroup, WriteMembers, WriteIdentity, AssignRoles, ImportDirectory:
		return true
	default:
		return false
	}
}

// permits returns what allows an action; any one suffices. An action that is not here
// is allowed to nobody. The last permit is the one that a refusal names.
func permits(action Action) []permit {
	administer := []string{pat.ScopeAdminister}
	holder := func(role directory.Role, at place) permit { return permit{role: role, at: at, scopes: administer} }
	provisioner := permit{role: directory.OrganizationAdmin, at: atOrganization, scopes: administer, provisioning: true}
	platform := holder(directory.PlatformAdmin, onPlatform)
	groups := holder(directory.ManageSystemSecurityGroups, atOrganization)
	switch action {
	case ReadToken:
		return []permit{{right: directory.ReadAllTokens}, {right: directory.ReadMyTokens, own: true}}
	case CreateToken:
		return []permit{{role: directory.AccessAsNonInteractiveUser, at: atOrganization, right: directory.ManageMyTokens, own: true}}
	case ChangeToken:
		return []permit{{right: directory.ManageMyTokens, own: true}}
	case RevokeToken:
		return []permit{
			{role: directory.AdministerNonInteractiveUser, at: atOrganization, scopes: []string{coversManagingOwn, coversManagingAll}},
			{right: directory.ManageMyTokens, own: true},
		}
	case DeleteToken:
		return []permit{{right: directory.ManageAllTokens}, {right: directory.ManageMyTokens, own: true}}
	case SeeManaged:
		return []permit{{right: directory.ReadManagedTokens}}
	case ReadLevelToken:
		return []permit{{role: directory.OrganizationAdmin, at: atLevel, scopes: []string{coversReadingAll}}, {role: directory.GroupAdmin, at: atLevel, scopes: []string{coversReadingAll}}}
	case ManageLevelToken:
		return []permit{{role: directory.OrganizationAdmin, at: atLevel, scopes: []string{coversManagingAll}}, {role: directory.GroupAdmin, at: atLevel, scopes: []string{coversManagingAll}}}
	case WriteOrganization, AssignPlatform, ReadServices, ManageKeys:
		return []permit{platform}
	case ReadOrganization:
		plain := permit{role: directory.OrganizationUser, at: atOrganization} // no power that a scope would have to cover
		return []permit{platform, plain, holder(directory.OrganizationAdmin, atOrganization)}
	case ReadPolicy, WritePolicy, ReadAudit:
		return []permit{holder(directory.OrganizationAdmin, atOrganization)}
	case ReadGroup:
		return []permit{provisioner, holder(directory.OrganizationAdmin, atOrganization), holder(directory.GroupAdmin, atGroup), groups}
	case ReadMembers, WriteMembers:
		return []permit{provisioner, holder(directory.GroupAdmin, atGroup), groups}
	case WriteGroup, ReadIdentity, WriteIdentity:
		return []permit{provisioner, groups}
	case ReadRoles, AssignRoles:
		return []permit{platform, holder(directory.ManageSystemSecurityRoles, atOrganization)}
	case ExportDirectory, ImportDirectory:
		both := groups
		both.also = directory.ManageSystemSecurityRoles
		return []permit{both}
	case ReadInactivity:
		return []permit{{role: directory.AdministerNonInteractiveUser, at: atOrganization, scopes: []string{coversReadingAll}}}
	default:
		return nil
	}
}

// target is what an action is done to. The zero value is something unknown yet: what
// could be allowed for some target is allowed for it.
type target struct {
	known        bool
	organization directory.ID
	group        directory.ID // of a group, or of a group's token
	owner        directory.ID // of a token
}

func inOrganization(organization directory.ID) target {
	return target{known: true, organization: organization}
}

func ofGroup(group *directory.Group) target {
	return target{known: true, organization: group.Organization, group: group.ID}
}

func ofToken(record *pat.Record) target {
	t := target{known: true, organization: record.Organization, owner: record.Owner}
	if record.Level == pat.Group {
		t.group = record.LevelID
	}
	return t
}

// need refuses an action on a target that no permit allows. *ScopeError if only the
// token stands in the way, else *LackError.
func (c *Caller) need(action Action, t target) error {
	all := permits(action)
	var lacking *LackError
	var uncovered *ScopeError
	for i := range all {
		p := &all[i]
		switch {
		case p.held(c, t) && p.covered(c):
			return nil
		case p.held(c, t):
			uncovered = &ScopeError{Scope: p.wantedScope()}
		case lacking == nil || !p.ofOthers(c, t): // what one's own tokens need says nothing of others'
			lacking = p.lack(c)
		}
	}
	switch {
	case uncovered != nil:
		return uncovered
	case lacking != nil:
		return lacking
	default:
		return &LackError{}
	}
}

// lack says what the caller's identity would need.
func (p *permit) lack(c *Caller) *LackError {
	if p.also != "" && c.Access.HoldsOrganizationRole(p.role) {
		return &LackError{Role: p.also}
	}
	return &LackError{Role: p.role, Right: p.right}
}

// ofOthers reports whether the permit is for the caller's own things and the target is
// somebody else's.
func (p *permit) ofOthers(c *Caller, t target) bool {
	return p.own && t.known && t.owner != c.Identity.ID
}

// could refuses who may do something to nothing at all, before anything is looked
// for.
func (c *Caller) could(action Action) error { return c.need(action, target{}) }

// may reports whether need finds nothing to refuse.
func (c *Caller) may(action Action, t target) bool { return c.need(action, t) == nil }

// held reports whether the caller's identity fulfils the permit.
func (p *permit) held(c *Caller, t target) bool {
	if p.provisioning && !c.provisioning {
		return false
	}
	if t.known && t.organization != c.Identity.Organization && p.at != onPlatform {
		return false
	}
	if p.ofOthers(c, t) {
		return false
	}
	if p.also != "" && !c.Access.HoldsOrganizationRole(p.also) {
		return false
	}
	return (p.right == "" || c.Access.HasRight(p.right)) && (p.role == "" || p.roleHeld(c, t))
}

func (p *permit) roleHeld(c *Caller, t target) bool {
	switch p.at {
	case onPlatform:
		return c.Access.HoldsRole(p.role, directory.OnPlatform, "")
	case atOrganization:
		return c.Access.HoldsOrganizationRole(p.role)
	case atLevel:
		if p.role == directory.OrganizationAdmin {
			return (!t.known || t.group == "") && c.Access.HoldsOrganizationRole(p.role)
		}
		return p.groupRoleHeld(c, t)
	default:
		return p.groupRoleHeld(c, t)
	}
}

// groupRoleHeld reports whether the role is held on the target's group, or on any if
// that is not known yet.
func (p *permit) groupRoleHeld(c *Caller, t target) bool {
	return slices.ContainsFunc(c.Access.Assignments(), func(a directory.Assignment) bool {
		return a.Role == p.role && a.Scope == directory.OnGroup && (!t.known || a.ScopeID == t.group)
	})
}

// covered reports whether the token that the caller acts by covers the permit.
func (p *permit) covered(c *Caller) bool {
	if p.right != "" && !c.Covers(p.right) {
		return false
	}
	return len(p.scopes) == 0 || slices.ContainsFunc(p.scopes, func(scope string) bool { return pat.Covers(c.Scope, scope) })
}

// wantedScope is the narrowest scope that would do.
func (p *permit) wantedScope() string {
	if p.right != "" {
		return string(p.right)
	}
	return p.scopes[0]
}
