package directory

import (
	"slices"
	"time"
)

// IdentityType tells people from the technical users behind group and
// organization tokens.
type IdentityType string

// The types of identity.
const (
	User          IdentityType = "USER"
	TechnicalUser IdentityType = "TECHNICAL_USER"
)

// Identity is a person or a technical user.
type Identity struct {
	ID                   ID           `json:"id"`
	Organization         ID           `json:"organizationId"`
	Type                 IdentityType `json:"type"`
	Username             string       `json:"username"` // unique in the organization
	DisplayName          string       `json:"displayName"`
	Email                string       `json:"email,omitempty"`
	ExternalID           string       `json:"externalId,omitempty"`
	Issuer               string       `json:"issuer,omitempty"`  // the identity provider's, with Subject the link for logins
	Subject              string       `json:"subject,omitempty"` // never the e-mail
	Enabled              bool         `json:"enabled"`
	BuiltInAdministrator bool         `json:"builtInAdministrator,omitempty"`
	LastLogin            time.Time    `json:"lastLogin,omitzero"`
	Groups               []ID         `json:"groups,omitempty"` // direct membership; Everyone is never stored
	Created              time.Time    `json:"created"`
	Modified             time.Time    `json:"modified,omitzero"`
	Revision             int64        `json:"revision"` // raised by each change; guards replacement
}

// LosesBy reports whether a change takes access from the identity: it is disabled, or
// leaves a group. Such a change is made even where there is no room for others.
func (i *Identity) LosesBy(next *Identity) bool {
	left := func(group ID) bool { return !slices.Contains(next.Groups, group) }
	return i.Enabled && !next.Enabled || slices.ContainsFunc(i.Groups, left)
}

// Status says whether an identity may act. It is derived, never stored.
type Status string

// The statuses of an identity.
const (
	Active   Status = "Active"
	Disabled Status = "Disabled"
	Inactive Status = "Inactive" // no interactive login for longer than the policy allows
)

// Status derives the status at now under policy. Inactivity counts from the
// last interactive login, else from creation; the built-in administrator and
// technical users are exempt.
func (i *Identity) Status(policy *Policy, now time.Time) Status {
	if !i.Enabled {
		return Disabled
	}
	if at, ok := i.InactiveAt(policy); ok && !now.Before(at) {
		return Inactive
	}
	return Active
}

// InactiveAt returns when the identity becomes inactive if it does not log in
// before; false when it never does.
func (i *Identity) InactiveAt(policy *Policy) (time.Time, bool) {
	if policy.LogonInactivityDays <= 0 || i.BuiltInAdministrator || i.Type == TechnicalUser {
		return time.Time{}, false
	}
	since := i.LastLogin
	if since.IsZero() {
		since = i.Created
	}
	return since.Add(time.Duration(policy.LogonInactivityDays) * 24 * time.Hour), true
}
