package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/jobs"
	"github.com/cambio-sts/cambio/pat"
)

// unusedEvery is how soon a token is revoked that nobody has used for too long.
const unusedEvery = time.Hour

// alone is the lease of a process that shares its store with no other.
type alone struct{}

// Hold implements jobs.Lease.
func (alone) Hold(context.Context, string, time.Duration) (bool, error) { return true, nil }

// runner runs the background work that is done once for all processes.
func (n *node) runner() (*jobs.Runner, error) {
	lease, shared := n.store.(jobs.Lease)
	if !shared {
		lease = alone{}
	}
	return jobs.New(jobs.Config{Lease: lease, Now: time.Now, Logger: n.logger, Jobs: n.jobs(), Ended: n.jobEnded})
}

// jobs are all of it.
func (n *node) jobs() []jobs.Job {
	due := []jobs.Job{
		{Name: "revoke unused tokens", Every: unusedEvery, Run: n.revokeUnused},
		{Name: "warn of expiring tokens", Every: warnEvery, Run: n.warnExpiring},
		{Name: "remove technical users without a token", Every: tokenlessEvery, Run: n.removeTokenless},
	}
	if len(n.config.Credentials) > 0 {
		due = append(due, jobs.Job{Name: "revoke credentials whose token has ended", Every: sweepEvery, Run: n.credentials.Sweep})
	}
	return due
}

// eachOrganization does work for one after the other, and goes on past those for
// which it fails.
func (n *node) eachOrganization(ctx context.Context, do func(organization *directory.Organization) error) error {
	snapshot, err := n.directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, organization := range snapshot.Organizations() {
		if err := do(organization); err != nil {
			failed = errors.Join(failed, fmt.Errorf("organization %s: %w", organization.ID, err))
		}
	}
	return failed
}

// revokeUnused ends the tokens that the policies of their organizations call
// unused.
func (n *node) revokeUnused(ctx context.Context) error {
	return n.eachOrganization(ctx, func(organization *directory.Organization) error {
		ended, err := n.tokens.RevokeUnused(ctx, organization.ID, &organization.Policy, pat.Actor{})
		if ended > 0 {
			n.logger.Info("unused tokens are revoked", zap.String("organization", string(organization.ID)), zap.Int("tokens", ended))
		}
		return err
	})
}
