package door

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/manage"
)

// Limiter counts requests. It is safe to share.
type Limiter interface {
	// Policy returns what every token may have of each mount.
	Policy() throttle.Window
	// Allow counts one request of a token at a mount, which is a version of a door, and
	// returns what is left; fault.ErrUnavailable.
	Allow(ctx context.Context, token, mount string) (throttle.Quota, error)
}

// LimitError says that a token made too many requests.
type LimitError struct{ RetryAfter time.Duration }

func (e *LimitError) Error() string { return "too many requests by one token" }

// Enter authenticates a request and refuses a token that asks too much of a mount.
// header is told what every other has left. Errors: the sentinels of this package,
// *LimitError, and those of exchange.Exchanger.Authenticate and AuthenticateJWT.
func (d *Door) Enter(header http.Header, r *http.Request, mount string) (*manage.Caller, error) {
	who, err := d.authenticate(r)
	if err != nil {
		return nil, err
	}
	quota, err := d.requests.Allow(r.Context(), string(who.Token.ID), mount)
	if err != nil {
		return nil, fmt.Errorf("count a request: %w", err)
	}
	setRateLimit(header, d.requests.Policy(), quota)
	if quota.RetryAfter > 0 {
		return nil, &LimitError{RetryAfter: quota.RetryAfter}
	}
	return who, nil
}
