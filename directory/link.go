package directory

import (
	"context"
	"errors"
	"fmt"
)

// checkLink refuses the link to an identity provider that an identity of another
// organization has: who logs in by it would be one of two people. Within the
// organization the store refuses it, in the step that writes. Two organizations that
// take the same link at the same moment both get it: a login has to ask all of them.
// ErrNameTaken.
func (d *Directory) checkLink(ctx context.Context, before, after *Identity) error {
	if after.Issuer == before.Issuer && after.Subject == before.Subject || after.Subject == "" {
		return nil
	}
	snapshot, err := d.Snapshot(ctx)
	if err != nil {
		return err
	}
	for _, organization := range snapshot.Organizations() {
		if organization.ID == after.Organization {
			continue
		}
		_, err := d.FindByLogin(ctx, organization.ID, ByProvider, ProviderKey(after.Issuer, after.Subject))
		if err == nil {
			return fmt.Errorf("issuer and subject: %w", ErrNameTaken)
		}
		if !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("look for issuer and subject: %w", err)
		}
	}
	return nil
}
