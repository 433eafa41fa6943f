package credentials

import (
	"context"
	"errors"
	"time"

	"github.com/cambio-sts/cambio/internal/secret"
)

// Provider issues credentials of one other system. It is safe to share.
type Provider interface {
	// Members lists the names of the members that Issue returns, in the order of the
	// answer: [a-z][a-z0-9_]*, at most 64 bytes. It is always the same list.
	Members() []string
	// Issue makes credentials for the owner of a token. It ends with ctx, which has a
	// deadline, and leaves nothing behind when it fails. A *ClaimError refuses the
	// owner; any other error says that the provider cannot issue now. Errors hold no
	// value of a credential.
	Issue(ctx context.Context, grant *Grant) (Issued, error)
	// Revoke ends what Issue made, by its handle. What is gone already is success;
	// ErrIrrevocable if the system knows no such thing.
	Revoke(ctx context.Context, handle string) error
}

// Lister is a Provider that finds what it has issued and not removed yet, whichever
// process issued it. What it finds expired or without a living token is revoked.
type Lister interface {
	Provider
	// List returns at least what is older than a minute: it may leave out what is being issued.
	List(ctx context.Context) ([]Outstanding, error)
}

// ErrIrrevocable says that credentials cannot be ended before they expire.
var ErrIrrevocable = errors.New("credentials of this provider end by their expiry alone")

// Holder is the personal access token that credentials were issued to. They end with
// it, and with its generation.
type Holder struct {
	PAT        string // id: 32 lower-case hex characters
	Generation int64
}

// Outstanding is something that was issued and is still there.
type Outstanding struct {
	Handle string
	Holder Holder
	Expiry time.Time
	// Owner and Organization are ids, for the audit trail; empty if they are not known.
	Owner, Organization string
}

// Grant says for whom credentials are issued. Providers must not change it.
type Grant struct {
	Holder Holder
	Claims *Claims
	Now    time.Time
	// Expiry is when the access token beside them expires, in whole seconds. Credentials
	// should end then. A system that cannot issue any so short-lived gives its shortest.
	Expiry time.Time
	// Assertion mints the JWT that tells the provider who the owner is: for the
	// audience and with the claims that the provider is configured with, and no scope.
	// It expires at Expiry. Nil for a provider without an audience.
	Assertion func(ctx context.Context) (secret.Text, error)
}

// Issued are the credentials of one provider.
type Issued struct {
	Members []Member // as Provider.Members names them, in that order
	// Expiry is when they stop working: within 12 h, or they are refused.
	Expiry time.Time
	// Handle is what they are called in public, and what revokes them: printable
	// ASCII, at most 255 bytes. Empty: they have no name and cannot be revoked.
	Handle string
}

// Member is one member of the answer. Its value redacts itself.
type Member struct {
	Name  string
	Value secret.Text
}

// Claims are what is known of an owner, for templates. All but the lists are empty if
// there is no such thing.
type Claims struct {
	Subject          string // sub of the access token
	Owner            string // id of the identity
	Username         string // unique within its organization
	ExternalID       string
	Organization     string // id
	OrganizationName string
	PAT              string // id
	Level            string // personal, group or organization
	LevelID          string // of the group or organization
	LevelRole        string
	Groups, Roles    []string // names, of the owner's own organization
}
