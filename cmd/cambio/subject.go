package main

import (
	"context"
	"fmt"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/cli"
)

// checkSubject refuses a store with several organizations where access tokens name
// their owner by what is unique within one: what one organization calls its people
// would be the sub of another's.
func (n *node) checkSubject(ctx context.Context) error {
	kind := exchange.SubjectKind(n.config.Token.Subject)
	if kind.AcrossOrganizations() {
		return nil
	}
	snapshot, err := n.directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	if count := len(snapshot.Organizations()); count > 1 {
		return &cli.Error{
			Code:  "subject",
			Cause: fmt.Sprintf("token.subject is %s, and the store has %d organizations: two people of different ones could have the same, and services could not tell them apart", kind, count),
			Fix:   "set token.subject to id, which no two share; services then know people by that", Exit: cli.ExitRefused,
		}
	}
	return nil
}
