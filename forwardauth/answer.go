package forwardauth

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/pat"
)

// The headers that tell who was let in. They are always there, so that a proxy which
// copies what is there overwrites what the client sent by these names.
const (
	HeaderUser     = "X-Auth-Request-User"               // the JWT's sub
	HeaderUsername = "X-Auth-Request-Preferred-Username" // preferred_username, if the JWT has it
	HeaderEmail    = "X-Auth-Request-Email"              // email, if the JWT has it
	HeaderPAT      = "X-Cambio-Pat-Id"                   // id of the PAT
)

// The headers that tell whoever proved a secret why it is refused.
const (
	HeaderCause  = "X-Cambio-Cause"
	HeaderDenial = "X-Cambio-Denial-Id" // finds the audit event
)

// The challenges. Basic comes first: some proxies pass one on, and a person with git needs
// that one.
const (
	challengeBasic  = `Basic realm="cambio", charset="UTF-8"` // RFC 7617 §2.1
	challengeBearer = `Bearer realm="cambio"`                 //nolint:gosec // RFC 6750 §3; no credential
)

// retryAfter is when to come again to a store that cannot tell now.
const retryAfter = time.Second

// grant tells the proxy what to put into the request.
func grant(header http.Header, issued *exchange.Issued) {
	header.Set("Authorization", "Bearer "+issued.AccessToken)
	header.Set(HeaderUser, issued.Claims.Subject)
	header.Set(HeaderUsername, issued.Claims.PreferredUsername)
	header.Set(HeaderEmail, issued.Claims.Email)
	header.Set(HeaderPAT, string(issued.ClientID))
	header.Set("Cache-Control", "no-store")
}

// refuse answers a request that is not let in.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, err error) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	status, reason := describe(header, err)
	if status == http.StatusInternalServerError {
		d.logger.Error("unmapped error", zap.Error(err), zap.String("tracking_id", httpx.OriginFrom(r.Context()).TrackingID))
	}
	log := httpx.RequestLogFrom(r.Context())
	log.Add(zap.String("reason", reason))
	if token := exchange.Proved(err); token != "" {
		log.Add(zap.String("pat_id", string(token)))
	}
	if denial := header.Get(HeaderDenial); denial != "" {
		log.Add(zap.String("denial_id", denial))
	}
	w.WriteHeader(status)
}

// describe maps every error to a status, and the headers that go with it. One that it
// does not know is internal: its text stays here.
func describe(header http.Header, err error) (status int, reason string) {
	if unavailable(err) {
		setRetryAfter(header, retryAfter)
		return http.StatusServiceUnavailable, "unavailable"
	}
	if throttled, ok := errors.AsType[*exchange.ThrottledError](err); ok {
		setRetryAfter(header, throttled.RetryAfter)
		return http.StatusTooManyRequests, "throttled"
	}
	if denial, ok := errors.AsType[*exchange.DeniedError](err); ok {
		header.Set(HeaderCause, printable(denial.Description))
		header.Set(HeaderDenial, denial.ID)
		return http.StatusForbidden, string(denial.Cause)
	}
	if target, ok := errors.AsType[*exchange.TargetError](err); ok {
		header.Set(HeaderCause, printable(target.Description))
		return http.StatusForbidden, "invalid_target"
	}
	if scope, ok := errors.AsType[*exchange.ScopeError](err); ok {
		header.Set(HeaderCause, printable(scope.Description))
		return http.StatusForbidden, "invalid_scope"
	}
	switch {
	case errors.Is(err, errNoCredential):
		challenge(header, "")
		return http.StatusUnauthorized, "no_credential"
	case errors.Is(err, errSecretInURI):
		challenge(header, "")
		return http.StatusUnauthorized, reasonSecretInURI
	case errors.Is(err, errTwoCredentials):
		challenge(header, "invalid_request")
		return http.StatusUnauthorized, "two_credentials"
	case errors.Is(err, exchange.ErrUnproved):
		challenge(header, "invalid_token")
		return http.StatusUnauthorized, "unproved"
	case errors.Is(err, errNoRoute):
		return http.StatusForbidden, "no_route"
	case errors.Is(err, errQuery):
		return http.StatusBadRequest, "query"
	}
	return http.StatusInternalServerError, "internal"
}

// challenge names the ways to prove a token (RFC 9110 §11.6.1), with an error code of
// RFC 6750 §3.1 if one was tried.
func challenge(header http.Header, code string) {
	bearer := challengeBearer
	if code != "" {
		bearer += `, error="` + code + `"`
	}
	header["Www-Authenticate"] = []string{challengeBasic, bearer}
}

func setRetryAfter(header http.Header, after time.Duration) {
	header.Set("Retry-After", strconv.FormatInt(max(1, int64((after+time.Second-1)/time.Second)), 10))
}

// unavailable reports whether an error says that nothing could be told.
func unavailable(err error) bool {
	return errors.Is(err, fault.ErrUnavailable) || errors.Is(err, pat.ErrConflict) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// printable keeps a description within what a header may hold.
func printable(description string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, description)
}

// ServeFault answers a request whose handler failed without an answer: 500, and nothing
// of the cause.
func (d *Door) ServeFault(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusInternalServerError)
}
