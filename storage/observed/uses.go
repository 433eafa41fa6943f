package observed

import (
	"context"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

type uses struct {
	*Store

	port pat.UseStore
}

var _ pat.UseStore = uses{}

// Use implements pat.UseStore.
func (s uses) Use(ctx context.Context, p pat.Presentation) (*pat.Used, error) {
	ctx, c := s.begin(ctx, opUsesUse)
	answer, err := s.port.Use(ctx, p)
	c.end(err)
	return answer, err
}

// Touch implements pat.UseStore.
func (s uses) Touch(ctx context.Context, t pat.Touch) (bool, error) {
	ctx, c := s.begin(ctx, opUsesTouch)
	answer, err := s.port.Touch(ctx, t)
	c.end(err)
	return answer, err
}

// Live implements pat.UseStore.
func (s uses) Live(ctx context.Context, id pat.ID, jti string) (pat.Live, error) {
	ctx, c := s.begin(ctx, opUsesLive)
	answer, err := s.port.Live(ctx, id, jti)
	c.end(err)
	return answer, err
}

// RevokeJTI implements pat.UseStore.
func (s uses) RevokeJTI(ctx context.Context, id pat.ID, jti string, expiry time.Time, event audit.Event) (bool, error) {
	ctx, c := s.begin(ctx, opUsesRevokeJTI)
	answer, err := s.port.RevokeJTI(ctx, id, jti, expiry, event)
	c.end(err)
	return answer, err
}
