package config

// Service is one downstream audience.
type Service struct {
	// Audience is the `aud` of its tokens: an absolute URI without fragment, or
	// a plain name.
	Audience string `yaml:"audience"`
	// Name is shown to people; empty shows the audience.
	Name string `yaml:"name,omitempty"`
	// Scopes are the scopes it knows and who is granted each.
	Scopes Scopes `yaml:"scopes"`
	// Organizations has the names of those whose tokens may be for it; nil is every
	// organization.
	Organizations []string `yaml:"organizations,omitempty"`
	// MaxLifetimeSeconds bounds its tokens' life, 15 to 43200; 0 is no bound of
	// its own.
	MaxLifetimeSeconds int64 `yaml:"maxLifetimeSeconds,omitempty"`
	// Alg signs its tokens; empty is keys.alg.
	Alg string `yaml:"alg,omitempty"`
	// Claims are what its tokens tell about the owner; the zero value nothing.
	Claims Claims `yaml:"claims,omitempty"`
}

// Scopes are the scopes of a service: either any, or the listed ones.
type Scopes struct {
	// Any accepts every application scope and grants it to everyone; written "*".
	Any bool
	// Grants maps each scope to the roles and groups it is granted to, Everyone
	// included; nil when Any is set, else not empty.
	Grants map[string][]string
}

// MarshalYAML writes what the file holds: "*" or the map.
func (s Scopes) MarshalYAML() (any, error) {
	if s.Any {
		return anyScope, nil
	}
	return s.Grants, nil
}

// Claims are what a service's tokens tell about the owner; nil is not told.
type Claims struct {
	// Roles is the rule for role names.
	Roles *ClaimRule `yaml:"roles,omitempty"`
	// Groups is the rule for group names.
	Groups *ClaimRule `yaml:"groups,omitempty"`
	// Name is the rule for the display name.
	Name *ClaimRule `yaml:"name,omitempty"`
	// Email is the rule for the e-mail address.
	Email *ClaimRule `yaml:"email,omitempty"`
}

// DefaultClaimMax is how many values a claim holds when its rule says nothing.
const DefaultClaimMax = 50

// ClaimRule filters and caps the values of one claim.
type ClaimRule struct {
	// Match is a pattern in which * stands for any run of characters and
	// nothing else is special; "*" lets everything through.
	Match string `yaml:"match"`
	// Max is the greatest number of values, 1 to 500.
	Max int `yaml:"max"`
}
