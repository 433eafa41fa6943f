package door

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// Config is what a Door needs; all of it.
type Config struct {
	Exchanger *exchange.Exchanger
	Requests  Limiter
	Now       func() time.Time
}

// Door lets requests in. It is safe to share.
type Door struct {
	exchanger *exchange.Exchanger
	format    pat.Format
	audience  string
	requests  Limiter
	now       func() time.Time
}

// New returns a Door of the management audience.
func New(config Config) (*Door, error) {
	if config.Exchanger == nil || config.Requests == nil || config.Now == nil {
		return nil, errors.New("door: every member of the config is needed")
	}
	return &Door{
		exchanger: config.Exchanger, format: config.Exchanger.Tokens.Format(), audience: config.Exchanger.Services.Management(),
		requests: config.Requests, now: config.Now,
	}, nil
}

// authenticate runs the one pipeline on the one credential of the request.
func (d *Door) authenticate(r *http.Request) (*manage.Caller, error) {
	ctx, origin := r.Context(), httpx.OriginFrom(r.Context())
	if httpx.CheckQuery(r.URL.RawQuery, d.format.LooksLike) != nil {
		return nil, d.leaked(ctx, origin)
	}
	credential, err := d.credential(r)
	if err != nil {
		return nil, err
	}
	var principal *exchange.Principal
	if credential.jwt.Empty() {
		principal, err = d.exchanger.Authenticate(ctx, credential.pat, d.audience, origin)
	} else {
		principal, err = d.exchanger.AuthenticateJWT(ctx, credential.jwt.Reveal(), []string{d.audience}, origin)
	}
	if err != nil {
		return nil, err
	}
	httpx.RequestLogFrom(ctx).Add(zap.String("actor", string(principal.Identity.ID)), zap.String("pat_id", string(principal.Token.ID)))
	return &manage.Caller{Principal: principal, Origin: origin}, nil
}

// leaked records a credential in a query string, which logs and histories keep.
// Beyond the limit on failures it is counted, not recorded.
func (d *Door) leaked(ctx context.Context, origin audit.Origin) error {
	if retry, limited := d.exchanger.Throttle.Failed(httpx.ClientAddrFrom(ctx), ""); limited {
		return &exchange.ThrottledError{RetryAfter: retry}
	}
	httpx.RequestLogFrom(ctx).Add(zap.String("reason", reasonSecretInURI))
	_ = d.exchanger.Audit.Record(audit.Event{ // refused either way
		ID: id.New(), Time: pat.Milliseconds(d.now()), Name: audit.TokenUseFailed, Outcome: audit.Failure, Reason: reasonSecretInURI,
	}.From(origin))
	return ErrSecretInURI
}

const reasonSecretInURI = "secret_in_uri"
