package directory

import "time"

// ID names an organization, identity, group or role assignment: 32 lowercase
// hexadecimal characters (see internal/id).
type ID string

// DefaultOrganizationName is the name of the organization a deployment starts with.
const DefaultOrganizationName = "default"

// Organization is the tenant: everything else belongs to exactly one.
type Organization struct {
	ID      ID        `json:"id"`
	Name    string    `json:"name"`
	Policy  Policy    `json:"policy"`
	Created time.Time `json:"created"`
}

// Policy is what an organization decides about its tokens. The zero value is
// not usable; start from DefaultPolicy.
type Policy struct {
	DefaultLifetimeSeconds            *int64   `json:"defaultLifetimeSeconds"` // of a PAT created without expiry; nil: never expires
	MaxLifetimeSeconds                int64    `json:"maxLifetimeSeconds"`     // of a PAT; 0: none
	AllowNeverExpire                  bool     `json:"allowNeverExpire"`
	RequireNeverExpireAcknowledgement bool     `json:"requireNeverExpireAcknowledgement"`
	EnforceOnExisting                 bool     `json:"enforceOnExisting"` // caps existing PATs at created + maxLifetimeSeconds
	MaxTokensPerOwner                 int      `json:"maxTokensPerOwner"` // usable ones
	DefaultScopes                     []string `json:"defaultScopes"`
	DefaultAccessTokenSeconds         int64    `json:"defaultAccessTokenSeconds"`
	MaxAccessTokenSeconds             int64    `json:"maxAccessTokenSeconds"`
	LogonInactivityDays               int      `json:"logonInactivityDays"` // 0: off
	UnusedRevokeDays                  int      `json:"unusedRevokeDays"`    // 0: off
	AllowedNetworks                   []string `json:"allowedNetworks"`     // CIDRs; empty: any
}

// DefaultPolicy returns the policy of a new organization.
func DefaultPolicy() Policy {
	return Policy{
		AllowNeverExpire:          true,
		MaxTokensPerOwner:         10,
		DefaultScopes:             []string{"sp:scopes:all"},
		DefaultAccessTokenSeconds: 300,
		MaxAccessTokenSeconds:     43200,
		AllowedNetworks:           []string{},
	}
}
