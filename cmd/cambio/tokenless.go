package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
)

const (
	tokenlessEvery = 24 * time.Hour
	// tokenlessAfter is how long a technical user may wait for its token: it is made a
	// moment later, unless the process ends in between.
	tokenlessAfter = time.Hour
)

// removeTokenless removes technical users that own no token, with what they hold.
func (n *node) removeTokenless(ctx context.Context) error {
	return n.eachOrganization(ctx, func(organization *directory.Organization) error {
		old := map[directory.ID]*directory.Identity{}
		var owners []directory.ID
		for identity, err := range n.directory.ListIdentities(ctx, organization.ID) {
			if err != nil {
				return fmt.Errorf("list identities: %w", err)
			}
			if identity.Type == directory.TechnicalUser && time.Since(identity.Created) >= tokenlessAfter {
				old[identity.ID], owners = &identity, append(owners, identity.ID)
			}
		}
		tokenless, err := n.tokens.Tokenless(ctx, organization.ID, owners)
		if err != nil {
			return err
		}
		var failed error
		for _, id := range tokenless {
			err := n.directory.RemoveIdentity(ctx, old[id], directory.Actor{})
			if errors.Is(err, directory.ErrNotFound) {
				continue
			}
			failed = errors.Join(failed, err)
			if err == nil {
				n.logger.Info("a technical user without a token is removed", zap.String("identity", string(id)))
			}
		}
		return failed
	})
}
