package directory

import (
	"context"
	"errors"
	"iter"

	"github.com/cambio-sts/cambio/internal/audit"
)

// What a store may answer besides success and fault.ErrUnavailable.
var (
	ErrNotFound  = errors.New("not found")
	ErrNameTaken = errors.New("name is taken")
	// ErrTooMany says that an organization has as many groups or role assignments as
	// it may: all of them are read whenever one changes, for every organization.
	ErrTooMany = errors.New("the organization has as many as are allowed")
	// ErrConflict says that the thing changed since it was read.
	ErrConflict = errors.New("changed in the meantime")
)

// LoginKind is a namespace of names by which an organization finds an identity.
type LoginKind string

// The kinds of login. The key of ByProvider is ProviderKey(issuer, subject).
const (
	ByUsername   LoginKind = "username"
	ByExternalID LoginKind = "externalId"
	ByProvider   LoginKind = "provider"
)

// ProviderKey joins an identity provider's issuer and subject without ambiguity.
func ProviderKey(issuer, subject string) string { return issuer + "\x00" + subject }

// IdentityReader reads identities.
type IdentityReader interface {
	// Find returns ErrNotFound for an unknown id.
	Find(ctx context.Context, id ID) (Identity, error)
	// FindAll returns those of the identities that there are.
	FindAll(ctx context.Context, ids []ID) (map[ID]Identity, error)
	// FindByLogin returns ErrNotFound for an unknown name.
	FindByLogin(ctx context.Context, organization ID, kind LoginKind, key string) (Identity, error)
	// List yields the identities of an organization, oldest first.
	List(ctx context.Context, organization ID) iter.Seq2[Identity, error]
	// Members yields the identities that have a group among their Groups, by id.
	Members(ctx context.Context, group ID) iter.Seq2[Identity, error]
}

// Identities stores identities, each in the shard of its id. Username,
// ExternalID and the provider link are unique in an organization
// (ErrNameTaken). Each change commits together with its audit event.
type Identities interface {
	IdentityReader

	Create(ctx context.Context, identity Identity, event audit.Event) error
	// Replace stores identity if the stored revision still is
	// identity.Revision, and raises it by one; else ErrConflict.
	Replace(ctx context.Context, identity Identity, event audit.Event) error
	// Delete removes the identity and every token it owns, in one step.
	Delete(ctx context.Context, id ID, event audit.Event) error
}

// Catalog is the small, shared part of the directory, read as a whole.
type Catalog struct {
	Version       uint64 // raised by each change; 0 for an empty store
	Organizations []Organization
	Groups        []Group
	Assignments   []Assignment
}

// Change puts one entity into the catalog, or removes it. Exactly one of the
// pointers is set; with Remove only its ID counts.
type Change struct {
	Organization *Organization
	Group        *Group
	Assignment   *Assignment
	Remove       bool
}

// Catalogs stores the catalog.
type Catalogs interface {
	// Version is cheap; it tells whether a snapshot is still current.
	Version(ctx context.Context) (uint64, error)
	Load(ctx context.Context) (Catalog, error)
	// Write applies all changes and commits the events in one step if the
	// stored version still is want, and raises it by one; else ErrConflict.
	Write(ctx context.Context, want uint64, changes []Change, events []audit.Event) error
}
