package directory

// Role is a named bundle of rights, held in a scope.
type Role string

// The roles. The comment says where each is held.
const (
	AccessAsNonInteractiveUser   Role = "AccessAsNonInteractiveUser"   // organization; also required at each use of a personal PAT
	AdministerNonInteractiveUser Role = "AdministerNonInteractiveUser" // organization
	ManageSystemSecurityRoles    Role = "ManageSystemSecurityRoles"    // organization
	ManageSystemSecurityGroups   Role = "ManageSystemSecurityGroups"   // organization
	OrganizationAdmin            Role = "organization_admin"           // organization
	OrganizationUser             Role = "organization_user"            // organization
	GroupAdmin                   Role = "group_admin"                  // one group
	GroupUser                    Role = "group_user"                   // one group
	PlatformAdmin                Role = "platform_admin"               // platform
)

// Known reports whether r is one of the roles.
func (r Role) Known() bool {
	switch r {
	case AccessAsNonInteractiveUser, AdministerNonInteractiveUser, ManageSystemSecurityRoles, ManageSystemSecurityGroups,
		OrganizationAdmin, OrganizationUser, GroupAdmin, GroupUser, PlatformAdmin:
		return true
	default:
		return false
	}
}

// Plain reports whether r gives no power over others.
func (r Role) Plain() bool {
	return r == AccessAsNonInteractiveUser || r == OrganizationUser || r == GroupUser
}

// Right is one thing an identity may do. Roles imply some; an assignment may
// carry them on their own.
type Right string

// The rights. The prefix "sp:" is an alias of "idn:" in scopes.
const (
	ReadMyTokens      Right = "idn:my-personal-access-tokens:read"
	ManageMyTokens    Right = "idn:my-personal-access-tokens:manage"
	ReadAllTokens     Right = "idn:all-personal-access-tokens:read"
	ManageAllTokens   Right = "idn:all-personal-access-tokens:manage"
	ReadManagedTokens Right = "idn:managed-personal-access-tokens:read" //nolint:gosec // the name of a right
	Introspect        Right = "cambio:introspect"
)

// Rights lists all of them.
func Rights() []Right {
	return []Right{ReadMyTokens, ManageMyTokens, ReadAllTokens, ManageAllTokens, ReadManagedTokens, Introspect}
}

// impliedRights are the rights that a role gives by itself.
func impliedRights(role Role) []Right {
	switch role {
	case AccessAsNonInteractiveUser:
		return []Right{ManageMyTokens}
	case AdministerNonInteractiveUser:
		return []Right{ReadAllTokens}
	default:
		return nil
	}
}

// includes lists the right that each stronger right includes.
func includes(right Right) (Right, bool) {
	switch right {
	case ManageMyTokens:
		return ReadMyTokens, true
	case ManageAllTokens:
		return ReadAllTokens, true
	default:
		return "", false
	}
}

// ScopeKind says what a role assignment covers.
type ScopeKind string

// The kinds of scope.
const (
	OnPlatform     ScopeKind = "platform"
	OnOrganization ScopeKind = "organization"
	OnGroup        ScopeKind = "group"
)

// Assignment gives a role, or single rights, to a holder in a scope.
type Assignment struct {
	ID      ID        `json:"id"`
	Role    Role      `json:"role,omitempty"`
	Rights  []Right   `json:"rights,omitempty"`
	Scope   ScopeKind `json:"scope"`
	ScopeID ID        `json:"scopeId,omitempty"` // organization or group; empty on the platform
	Holder  ID        `json:"holder"`            // a group or an identity
}

// The reserved groups, which each organization has.
const (
	Nobody         = "Nobody" // never has members
	Everyone       = "Everyone"
	Administrators = "Administrators"
)

// Group is a set of identities of one organization. Its members are kept with
// the identities; membership in a child group is membership in the parent.
type Group struct {
	ID           ID     `json:"id"`
	Organization ID     `json:"organizationId"`
	Name         string `json:"name"`
	Description  string `json:"description,omitempty"`
	ChildGroups  []ID   `json:"childGroups,omitempty"`
}
