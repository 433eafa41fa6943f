package directory

import (
	"context"
	"fmt"
	"iter"
)

// Members yields the direct members of a group, by id; none for one that is not
// known. Nobody has none, and who is in Everyone is not kept: ListIdentities tells.
func (d *Directory) Members(ctx context.Context, group ID) iter.Seq2[Identity, error] {
	return d.identities.Members(ctx, group)
}

// AddMember makes an identity a direct member of a group, which it may be already.
// ErrNotFound for an unknown one of the two or one of another organization,
// ErrReserved for Nobody, which never has members, and Everyone, which all are in.
func (d *Directory) AddMember(ctx context.Context, group, identity ID, actor Actor) error {
	_, err := d.UpdateIdentity(ctx, identity, func(identity *Identity) error {
		identity.Groups = append(identity.Groups, group) // UpdateIdentity keeps it once
		return d.checkMembership(ctx, identity.Organization, group)
	}, actor)
	return err
}

// RemoveMember makes an identity a direct member of a group no more, which it need
// not be. ErrNotFound for an unknown identity.
func (d *Directory) RemoveMember(ctx context.Context, group, identity ID, actor Actor) error {
	_, err := d.UpdateIdentity(ctx, identity, func(identity *Identity) error {
		identity.Groups = without(identity.Groups, group)
		return nil
	}, actor)
	return err
}

// checkMembership says whether an identity of the organization can become a member of
// a group. One that is not known is looked for once more: another process may have
// just made it.
func (d *Directory) checkMembership(ctx context.Context, organization, group ID) error {
	snapshot, err := d.Snapshot(ctx)
	if err != nil {
		return err
	}
	known, ok := snapshot.Group(group)
	if !ok {
		if err := d.Refresh(ctx); err != nil {
			return err
		}
		if snapshot, err = d.Snapshot(ctx); err != nil {
			return err
		}
		known, ok = snapshot.Group(group)
	}
	switch {
	case !ok || known.Organization != organization:
		return fmt.Errorf("group %s: %w", group, ErrNotFound)
	case known.Name == Nobody || known.Name == Everyone:
		return fmt.Errorf("group %s: %w", group, ErrReserved)
	default:
		return nil
	}
}
