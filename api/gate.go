package api

import (
	"context"
	"fmt"
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

// limitError says that a token made too many requests.
type limitError struct{ retryAfter time.Duration }

func (e *limitError) Error() string { return "too many requests by one token" }

// gate lets a request through to next once it is known who acts, within what one
// token may ask of the mount at base, and if it has no query parameters but these.
func (a *API) gate(base string, parameters []string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := a.authenticate(r)
		if err == nil {
			err = a.admit(r.Context(), w.Header(), who, base)
		}
		if err == nil {
			err = checkQuery(r.URL.RawQuery, parameters)
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		next(w, r.WithContext(withCaller(r.Context(), who)))
	}
}

// authenticate runs the one pipeline on the one credential of the request.
func (a *API) authenticate(r *http.Request) (*manage.Caller, error) {
	ctx, origin := r.Context(), httpx.OriginFrom(r.Context())
	if httpx.CheckQuery(r.URL.RawQuery, a.format.LooksLike) != nil {
		return nil, a.leaked(ctx, origin)
	}
	credential, err := a.credential(r)
	if err != nil {
		return nil, err
	}
	var principal *exchange.Principal
	if credential.jwt.Empty() {
		principal, err = a.exchanger.Authenticate(ctx, credential.pat, a.audience, origin)
	} else {
		principal, err = a.exchanger.AuthenticateJWT(ctx, credential.jwt.Reveal(), []string{a.audience}, origin)
	}
	if err != nil {
		return nil, err
	}
	httpx.RequestLogFrom(ctx).Add(zap.String("actor", string(principal.Identity.ID)), zap.String("pat_id", string(principal.Token.ID)))
	return &manage.Caller{Principal: principal, Origin: origin}, nil
}

// leaked records a credential in a query string, which logs and histories keep.
// Beyond the limit on failures it is counted, not recorded.
func (a *API) leaked(ctx context.Context, origin audit.Origin) error {
	if retry, limited := a.exchanger.Throttle.Failed(httpx.ClientAddrFrom(ctx), ""); limited {
		return &exchange.ThrottledError{RetryAfter: retry}
	}
	httpx.RequestLogFrom(ctx).Add(zap.String("reason", reasonSecretInURI))
	_ = a.exchanger.Audit.Record(audit.Event{ // refused either way
		ID: id.New(), Time: pat.Milliseconds(a.now()), Name: audit.TokenUseFailed, Outcome: audit.Failure, Reason: reasonSecretInURI,
	}.From(origin))
	return errSecretInURI
}

const reasonSecretInURI = "secret_in_uri"

// admit refuses a token that asks too much, and tells every other what is left.
func (a *API) admit(ctx context.Context, header http.Header, who *manage.Caller, base string) error {
	quota, err := a.requests.Allow(ctx, string(who.Token.ID), base)
	if err != nil {
		return fmt.Errorf("count a request: %w", err)
	}
	setRateLimit(header, a.requests.Policy(), quota)
	if quota.RetryAfter > 0 {
		return &limitError{retryAfter: quota.RetryAfter}
	}
	return nil
}
