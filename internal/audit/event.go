package audit

import "time"

// Name says what happened.
type Name string

// The events. A name, once published, keeps its meaning.
const (
	TokenCreated     Name = "PERSONAL_ACCESS_TOKEN_CREATED"
	TokenUpdated     Name = "PERSONAL_ACCESS_TOKEN_UPDATED"
	TokenDeleted     Name = "PERSONAL_ACCESS_TOKEN_DELETED"
	TokenRevoked     Name = "PERSONAL_ACCESS_TOKEN_REVOKED"
	TokenReactivated Name = "PERSONAL_ACCESS_TOKEN_REACTIVATED"
	TokenRotated     Name = "PERSONAL_ACCESS_TOKEN_ROTATED"
	TokenExpired     Name = "PERSONAL_ACCESS_TOKEN_EXPIRED" // auto-revoked as it was used
	TokenUsed        Name = "PERSONAL_ACCESS_TOKEN_USED"
	TokenUseFailed   Name = "PERSONAL_ACCESS_TOKEN_USE_FAILED"

	// TokenExpiring is a warning and changes nothing; its Reason says how near the
	// expiry is: 30d, 7d, 1d.
	TokenExpiring Name = "PERSONAL_ACCESS_TOKEN_EXPIRING"

	// AccessTokenRevoked is the end of one JWT; its PAT lives on.
	AccessTokenRevoked Name = "ACCESS_TOKEN_REVOKED"

	// CredentialsIssued and CredentialsRevoked are of what a provider made for a token.
	// Subject is the provider's name and, behind a slash, what that calls it in public.
	CredentialsIssued  Name = "CREDENTIALS_ISSUED"
	CredentialsRevoked Name = "CREDENTIALS_REVOKED"

	IdentityCreated Name = "IDENTITY_CREATED"
	IdentityUpdated Name = "IDENTITY_UPDATED"
	IdentityDeleted Name = "IDENTITY_DELETED"
	GroupCreated    Name = "GROUP_CREATED"
	GroupUpdated    Name = "GROUP_UPDATED"
	GroupDeleted    Name = "GROUP_DELETED"
	RoleAssigned    Name = "ROLE_ASSIGNED"
	RoleUnassigned  Name = "ROLE_UNASSIGNED"
	PolicyUpdated   Name = "POLICY_UPDATED"
	LoginRecorded   Name = "LOGIN_RECORDED" // the time of an identity's last login changed
	Login           Name = "LOGIN"          // somebody logged in to the console, or was refused
	LoginEnded      Name = "LOGIN_ENDED"    // somebody ended another's sessions of the console
	KeyCreated      Name = "KEY_CREATED"
	KeyRevoked      Name = "KEY_REVOKED"
	KeyResealed     Name = "KEY_RESEALED" // under a newer master key; the subject names each

	OrganizationCreated Name = "ORGANIZATION_CREATED"
	OrganizationUpdated Name = "ORGANIZATION_UPDATED"

	// WriterEnded is the last line of a writer that was shut down in order.
	WriterEnded Name = "AUDIT_WRITER_ENDED"
	// EventUnreadable stands in for an event that a store kept and that is no
	// event any more; its Reason holds what was found.
	EventUnreadable Name = "AUDIT_EVENT_UNREADABLE"
)

// Outcome says how it ended.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	Failure Outcome = "failure"
)

// Origin is where a request came from, as far as it can be told. The strings
// are the client's own, bounded in length and free of control characters.
type Origin struct {
	IP         string // the peer as seen through the trusted proxies, textual
	UserAgent  string
	TrackingID string // 32 hex characters, the request's trace id
}

// Event is one thing that happened. Absent members are empty. A store keeps
// the events of its changes of state as JSON in the form of the tags.
type Event struct {
	ID           string    `json:"id"` // 32 hex characters; names the event wherever it is shipped
	Time         time.Time `json:"time"`
	Name         Name      `json:"event"`
	Organization string    `json:"organization,omitempty"`
	Actor        string    `json:"actor,omitempty"` // identity id of who acted; empty when nobody was proved
	PATID        string    `json:"pat_id,omitempty"`
	Owner        string    `json:"owner,omitempty"`   // identity id
	Subject      string    `json:"subject,omitempty"` // id of the group, role assignment, key or identity acted on
	Audience     []string  `json:"audience,omitempty"`
	Scope        string    `json:"scope,omitempty"`
	JTI          string    `json:"jti,omitempty"`
	IP           string    `json:"ip,omitempty"`
	UserAgent    string    `json:"user_agent,omitempty"`
	TrackingID   string    `json:"tracking_id,omitempty"`
	Outcome      Outcome   `json:"outcome"`
	Reason       string    `json:"reason,omitempty"`
	DenialID     string    `json:"denial_id,omitempty"`
}

// From returns e with the members of where it came from.
func (e Event) From(origin Origin) Event {
	e.IP, e.UserAgent, e.TrackingID = origin.IP, origin.UserAgent, origin.TrackingID
	return e
}
