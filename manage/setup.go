package manage

import (
	"context"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
)

// SetUp is Bootstrap for who holds the link that was made when the store was prepared.
func (m *Manager) SetUp(ctx context.Context, setup Setup, origin audit.Origin) (SetupResult, error) {
	return Bootstrap(ctx, m.directory, setup, directory.Actor{Origin: origin})
}

// SetupNeeded reports whether an organization has no built-in administrator yet.
func (m *Manager) SetupNeeded(ctx context.Context, organization string) (bool, error) {
	return SetupNeeded(ctx, m.directory, organization)
}
