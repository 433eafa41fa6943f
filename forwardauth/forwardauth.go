package forwardauth

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// Path is where proxies ask. What follows it after a slash is the path of the original
// request, as Envoy sends it.
const Path = "/forward-auth"

// Config is what a Door needs; all of it but Routes.
type Config struct {
	Exchanger *exchange.Exchanger
	// Routes say what a request without a query of the proxy's own is for. None: the
	// default audience.
	Routes []Route
	// Trusted reports whether a peer is a proxy that is believed what it says of the
	// original request.
	Trusted func(peer netip.Addr) bool
	Now     func() time.Time
	Logger  *zap.Logger
}

// Door answers proxies. It is safe to share.
type Door struct {
	exchanger *exchange.Exchanger
	format    pat.Format
	routes    table
	trusted   func(peer netip.Addr) bool
	now       func() time.Time
	logger    *zap.Logger
	cache     *Cache
}

// New returns a Door with an empty cache.
func New(config Config) (*Door, error) {
	if config.Exchanger == nil || config.Trusted == nil || config.Now == nil || config.Logger == nil {
		return nil, errors.New("forwardauth: every member of the config but routes is needed")
	}
	routes, err := newTable(config.Routes)
	if err != nil {
		return nil, err
	}
	return &Door{
		exchanger: config.Exchanger, format: config.Exchanger.Tokens.Format(), routes: routes, trusted: config.Trusted,
		now: config.Now, logger: config.Logger, cache: NewCache(DefaultEntries, DefaultBytes),
	}, nil
}

// Kept tells of the JWTs that are kept.
func (d *Door) Kept() CacheState { return d.cache.State() }

// Before returns a handler that answers what lies at or below Path, and passes all else
// on. It stands before a ServeMux, which would redirect the paths of original requests
// that are not clean.
func (d *Door) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, found := strings.CutPrefix(r.URL.Path, Path); !found || rest != "" && rest[0] != '/' {
			next.ServeHTTP(w, r)
			return
		}
		r.Pattern = Path // what the request log tells of
		d.ServeHTTP(w, r)
	})
}

// ServeHTTP implements http.Handler, for any method.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	issued, err := d.exchange(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	httpx.RequestLogFrom(r.Context()).Add(zap.String("actor", issued.Claims.Subject), zap.String("pat_id", string(issued.ClientID)))
	grant(w.Header(), issued)
	w.WriteHeader(http.StatusOK)
}

// exchange runs the one pipeline on the one credential of the request.
func (d *Door) exchange(r *http.Request) (*exchange.Issued, error) {
	ctx, origin := r.Context(), httpx.OriginFrom(r.Context())
	if isOwnQuery(r) && httpx.CheckQuery(r.URL.RawQuery, d.format.LooksLike) != nil {
		return nil, d.leaked(r, origin)
	}
	credential, err := credentialOf(r)
	if err != nil {
		return nil, err
	}
	target, err := d.target(r)
	if err != nil {
		return nil, err
	}
	return d.exchanger.Exchange(ctx, &exchange.Request{
		Credential: credential, Audience: target.audience, Scope: target.scope, Fallback: d.exchanger.Services.Default(),
		Origin: origin, Reuse: d.cache,
	})
}

const reasonSecretInURI = "secret_in_uri"

// leaked records a credential in the query, which logs keep. Beyond the limit on failures
// it is counted, not recorded.
func (d *Door) leaked(r *http.Request, origin audit.Origin) error {
	if retry, limited := d.exchanger.Throttle.Failed(httpx.ClientAddrFrom(r.Context()), ""); limited {
		return &exchange.ThrottledError{RetryAfter: retry}
	}
	_ = d.exchanger.Audit.Record(audit.Event{ // refused either way
		ID: id.New(), Time: pat.Milliseconds(d.now()), Name: audit.TokenUseFailed, Outcome: audit.Failure, Reason: reasonSecretInURI,
	}.From(origin))
	return errSecretInURI
}
