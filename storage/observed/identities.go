package observed

import (
	"context"
	"iter"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
)

type identities struct {
	*Store

	port directory.Identities
}

var _ directory.Identities = identities{}

// Find implements directory.Identities.
func (s identities) Find(ctx context.Context, id directory.ID) (directory.Identity, error) {
	ctx, c := s.begin(ctx, opIdentitiesFind)
	answer, err := s.port.Find(ctx, id)
	c.end(err)
	return answer, err
}

// FindAll implements directory.Identities.
func (s identities) FindAll(ctx context.Context, ids []directory.ID) (map[directory.ID]directory.Identity, error) {
	ctx, c := s.begin(ctx, opIdentitiesFindAll)
	answer, err := s.port.FindAll(ctx, ids)
	c.end(err)
	return answer, err
}

// FindByLogin implements directory.Identities.
func (s identities) FindByLogin(ctx context.Context, organization directory.ID, kind directory.LoginKind, key string) (directory.Identity, error) {
	ctx, c := s.begin(ctx, opIdentitiesFindByLogin)
	answer, err := s.port.FindByLogin(ctx, organization, kind, key)
	c.end(err)
	return answer, err
}

// List implements directory.Identities.
func (s identities) List(ctx context.Context, organization directory.ID) iter.Seq2[directory.Identity, error] {
	return observe(ctx, s.Store, opIdentitiesList, func(ctx context.Context) iter.Seq2[directory.Identity, error] { return s.port.List(ctx, organization) })
}

// Members implements directory.Identities.
func (s identities) Members(ctx context.Context, group directory.ID) iter.Seq2[directory.Identity, error] {
	return observe(ctx, s.Store, opIdentitiesMembers, func(ctx context.Context) iter.Seq2[directory.Identity, error] { return s.port.Members(ctx, group) })
}

// Create implements directory.Identities.
func (s identities) Create(ctx context.Context, identity directory.Identity, event audit.Event) error {
	ctx, c := s.begin(ctx, opIdentitiesCreate)
	err := s.port.Create(ctx, identity, event)
	c.end(err)
	return err
}

// Replace implements directory.Identities.
func (s identities) Replace(ctx context.Context, identity directory.Identity, event audit.Event) error {
	ctx, c := s.begin(ctx, opIdentitiesReplace)
	err := s.port.Replace(ctx, identity, event)
	c.end(err)
	return err
}

// Delete implements directory.Identities.
func (s identities) Delete(ctx context.Context, id directory.ID, event audit.Event) error {
	ctx, c := s.begin(ctx, opIdentitiesDelete)
	err := s.port.Delete(ctx, id, event)
	c.end(err)
	return err
}
