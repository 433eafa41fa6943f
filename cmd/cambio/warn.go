package main

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/jobs"
	"github.com/cambio-sts/cambio/pat"
)

const (
	// warnEvery is how late a warning of an expiry comes at most.
	warnEvery = 10 * time.Minute
	// warnAtOnce is how many warnings wait for the disk at most: their place in the queue
	// is one that requests need.
	warnAtOnce = 1000
)

// warnExpiring records a warning for each token that came near its end since the last
// round of whichever process had the lease then.
func (n *node) warnExpiring(ctx context.Context) error {
	return n.eachOrganization(ctx, func(organization *directory.Organization) error {
		mark, now := "expiring "+string(organization.ID), pat.Milliseconds(time.Now())
		since, err := n.marks().Mark(ctx, mark)
		if err != nil {
			return fmt.Errorf("read until when was warned: %w", err)
		}
		warned, err := n.warn(ctx, organization, since, now)
		if err != nil {
			return err
		}
		if warned > 0 {
			n.logger.Info("tokens are about to expire", zap.String("organization", string(organization.ID)), zap.Int("tokens", warned))
		}
		if err := n.marks().SetMark(ctx, mark, now); err != nil {
			return fmt.Errorf("keep until when was warned: %w", err)
		}
		return nil
	})
}

// warn records the warnings that became due after since, and returns how many there
// are when all of them are on disk.
func (n *node) warn(ctx context.Context, organization *directory.Organization, since, now time.Time) (warned int, err error) {
	keep := func() error {
		if err := n.sink.Flush(ctx); err != nil {
			return fmt.Errorf("keep warnings: %w", err)
		}
		return nil
	}
	for warning, err := range n.tokens.Expiring(ctx, organization.ID, &organization.Policy, since, now) {
		if err != nil {
			return warned, err
		}
		if err := n.sink.Record(warning.Event(now)); err != nil {
			return warned, fmt.Errorf("record a warning: %w", err)
		}
		if warned++; warned%warnAtOnce == 0 {
			if err := keep(); err != nil {
				return warned, err
			}
		}
	}
	if warned == 0 {
		return 0, nil
	}
	return warned, keep()
}

// marks are those of the store; every store has them.
func (n *node) marks() jobs.Marks { return n.store }
