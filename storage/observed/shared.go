package observed

import (
	"context"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/keys"
)

type catalog struct {
	*Store

	port directory.Catalogs
}

var _ directory.Catalogs = catalog{}

// Version implements directory.Catalogs.
func (s catalog) Version(ctx context.Context) (uint64, error) {
	ctx, c := s.begin(ctx, opCatalogVersion)
	answer, err := s.port.Version(ctx)
	c.end(err)
	return answer, err
}

// Load implements directory.Catalogs.
func (s catalog) Load(ctx context.Context) (directory.Catalog, error) {
	ctx, c := s.begin(ctx, opCatalogLoad)
	answer, err := s.port.Load(ctx)
	c.end(err)
	return answer, err
}

// Write implements directory.Catalogs.
func (s catalog) Write(ctx context.Context, want uint64, changes []directory.Change, events []audit.Event) error {
	ctx, c := s.begin(ctx, opCatalogWrite)
	err := s.port.Write(ctx, want, changes, events)
	c.end(err)
	return err
}

type ring struct {
	*Store

	port keys.Store
}

var _ keys.Store = ring{}

// LoadKeys implements keys.Store.
func (s ring) LoadKeys(ctx context.Context) (keys.Stored, error) {
	ctx, c := s.begin(ctx, opKeysLoad)
	answer, err := s.port.LoadKeys(ctx)
	c.end(err)
	return answer, err
}

// SwapKeys implements keys.Store.
func (s ring) SwapKeys(ctx context.Context, want uint64, next keys.Stored, event audit.Event) error {
	ctx, c := s.begin(ctx, opKeysSwap)
	err := s.port.SwapKeys(ctx, want, next, event)
	c.end(err)
	return err
}

type outbox struct {
	*Store

	port audit.Outbox
}

var _ audit.Outbox = outbox{}

// Pending implements audit.Outbox.
func (s outbox) Pending(ctx context.Context, limit int) ([]audit.Stored, error) {
	ctx, c := s.begin(ctx, opOutboxPending)
	answer, err := s.port.Pending(ctx, limit)
	c.end(err)
	return answer, err
}

// Discard implements audit.Outbox.
func (s outbox) Discard(ctx context.Context, shipped []audit.Stored) error {
	ctx, c := s.begin(ctx, opOutboxDiscard)
	err := s.port.Discard(ctx, shipped)
	c.end(err)
	return err
}
