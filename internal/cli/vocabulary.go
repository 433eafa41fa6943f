package cli

import (
	"strings"

	"github.com/cambio-sts/cambio/internal/audit"
)

// The words of the API that a shell completes. A server of a later version may
// have more, so none is refused.

func tokenStatuses() []string { return []string{"Active", "Revoked", "Expired", "Auto-revoked"} }

// The roles that are held on something else than an organization.
const (
	roleGroupAdmin    = "group_admin"
	roleGroupUser     = "group_user"
	rolePlatformAdmin = "platform_admin"
)

func roles() []string {
	return []string{
		"AccessAsNonInteractiveUser", "AdministerNonInteractiveUser", "ManageSystemSecurityRoles", "ManageSystemSecurityGroups",
		"organization_admin", "organization_user", roleGroupAdmin, roleGroupUser, rolePlatformAdmin,
	}
}

func rights() []string {
	return []string{
		"idn:my-personal-access-tokens:read", "idn:my-personal-access-tokens:manage",
		"idn:all-personal-access-tokens:read", "idn:all-personal-access-tokens:manage",
		"idn:managed-personal-access-tokens:read", "cambio:introspect",
	}
}

// scopes are those that mean the same at every service.
func scopes() []string {
	return append([]string{"sp:scopes:all", "sp:scopes:default", "cambio:administer", "openid", "profile", "credentials"}, rights()...)
}

func outcomes() []audit.Outcome { return []audit.Outcome{audit.Success, audit.Failure} }

// filterText returns text as a filter compares with it.
func filterText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// bothFilters joins two filters, of which the first may be empty.
func bothFilters(first, second string) string {
	if strings.TrimSpace(first) == "" {
		return second
	}
	return first + " and " + second
}
