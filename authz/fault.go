package authz

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// The error codes: RFC 6749 §5.2, RFC 6750 §3.1, RFC 8693 §2.2.2; for trouble
// those of RFC 6749 §4.1.2.1.
const (
	codeInvalidRequest    = "invalid_request"
	codeInvalidClient     = "invalid_client"
	codeInvalidScope      = "invalid_scope"
	codeInvalidTarget     = "invalid_target"
	codeUnsupportedGrant  = "unsupported_grant_type"
	codeInvalidToken      = "invalid_token"
	codeInsufficientScope = "insufficient_scope"
	codeUnavailable       = "temporarily_unavailable"
	codeServerError       = "server_error"
)

// The challenges of a 401 without an error of its own.
const (
	challengeBasic  = `Basic realm="cambio", charset="UTF-8"` // RFC 7617 §2.1
	challengeBearer = `Bearer realm="cambio"`                 //nolint:gosec // RFC 6750 §3; no credential
)

// protocolError is an answer that is not a success. Handlers return the fixed
// ones below as errors; answerTo makes the others.
type protocolError struct {
	status      int
	code        string // empty: a challenge is all there is to say
	description string // within the characters of RFC 6749 §5.2, never with input in it
	denialID    string
	retryAfter  time.Duration
	challenges  []string
	internal    bool // an error that nobody mapped
}

func (e *protocolError) Error() string { return e.code + ": " + e.description }

func invalidRequest(description string) *protocolError {
	return &protocolError{status: http.StatusBadRequest, code: codeInvalidRequest, description: description}
}

// What a request may lack or have too much of.
var (
	errNoGrantType        = invalidRequest("grant_type is required")
	errNoSubjectToken     = invalidRequest("subject_token is required")
	errNoSubjectTokenType = invalidRequest("subject_token_type is required")
	errSubjectTokenType   = invalidRequest("subject_token_type is not supported")
	errRequestedTokenType = invalidRequest("requested_token_type is not supported")
	errNoActorTokenType   = invalidRequest("actor_token_type is required with actor_token")
	errNoActorToken       = invalidRequest("actor_token is required with actor_token_type")
	errDelegation         = invalidRequest("delegation not supported")
	errExchangeMultipart  = invalidRequest("token exchange takes application/x-www-form-urlencoded only")
	errTwoCredentials     = invalidRequest("credentials were sent in more than one place")
	errClientMismatch     = invalidRequest("client_id is not the user of the Authorization header")
	errClientAssertion    = invalidRequest("client assertions are not supported")
	errNoToken            = invalidRequest("token is required")
	errClientIP           = invalidRequest("client_ip is not an IP address")
	errBodyToken          = invalidRequest("the access token belongs in the Authorization header")

	errMethod           = &protocolError{status: http.StatusMethodNotAllowed, code: codeInvalidRequest, description: "method not allowed"}
	errUnsupportedGrant = &protocolError{status: http.StatusBadRequest, code: codeUnsupportedGrant, description: "grant_type is not supported"}
	errNoClient         = clientFailed("client authentication failed")
	errNoCaller         = &protocolError{
		status: http.StatusUnauthorized, code: codeInvalidClient, description: "client authentication failed",
		challenges: []string{challengeBasic, challengeBearer},
	}
	// errNoBearer tells nothing but how to authenticate (RFC 6750 §3.1).
	errNoBearer      = &protocolError{status: http.StatusUnauthorized, challenges: []string{challengeBearer}}
	errMayIntrospect = insufficientScope(string(directory.Introspect))
	errNoOpenID      = insufficientScope(pat.ScopeOpenID)
)

// door says by what a request proves who it is for, and so how a failure of
// that proof is answered.
type door int

const (
	doorSubject door = iota // a subject_token (RFC 8693 §2.2.2)
	doorClient              // client credentials, by Basic or in the form (RFC 6749 §5.2)
	doorBearer              // a Bearer token (RFC 6750 §3.1)
)

// answerTo maps every error of the packages below to its answer. One that it
// does not know is internal: its text stays here.
func answerTo(err error, at door) *protocolError {
	if own, ok := errors.AsType[*protocolError](err); ok {
		return own
	}
	if unavailable(err) {
		return &protocolError{
			status: http.StatusServiceUnavailable, code: codeUnavailable, description: "try again later", retryAfter: time.Second,
		}
	}
	if throttled, ok := errors.AsType[*exchange.ThrottledError](err); ok {
		return &protocolError{
			status: http.StatusTooManyRequests, code: codeUnavailable, description: "too many failed attempts", retryAfter: throttled.RetryAfter,
		}
	}
	if denial, ok := errors.AsType[*exchange.DeniedError](err); ok {
		answer := at.failed(printable(denial.Description))
		answer.denialID = denial.ID
		return answer
	}
	if malformed, ok := errors.AsType[*httpx.FormError](err); ok {
		return malformedForm(malformed)
	}
	if target, ok := errors.AsType[*exchange.TargetError](err); ok {
		return &protocolError{status: http.StatusBadRequest, code: codeInvalidTarget, description: printable(target.Description)}
	}
	if scope, ok := errors.AsType[*exchange.ScopeError](err); ok {
		return &protocolError{status: http.StatusBadRequest, code: codeInvalidScope, description: printable(scope.Description)}
	}
	switch {
	case errors.Is(err, exchange.ErrUnproved):
		return at.unproved()
	case errors.Is(err, exchange.ErrClient):
		return errNoClient
	case errors.Is(err, keys.ErrExpired):
		return tokenFailed("the token is expired")
	case errors.Is(err, keys.ErrInvalid):
		return tokenFailed("the token is invalid")
	}
	return &protocolError{
		status: http.StatusInternalServerError, code: codeServerError, description: "an internal fault occurred", internal: true,
	}
}

// printable returns a description that another package worded with all but the
// characters that RFC 6749 §5.2 allows replaced, so that it needs no escape in
// JSON or in a header.
func printable(description string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return '?'
		}
		return c
	}, description)
}

// unavailable reports whether an error says that nothing could be told: trouble
// of a store or the key ring, a change that others won again and again, or a
// request that ended before its answer.
func unavailable(err error) bool {
	for _, trouble := range []error{
		fault.ErrUnavailable, pat.ErrConflict, context.Canceled, context.DeadlineExceeded,
		keys.ErrNotOpened, keys.ErrStale, keys.ErrNoActiveKey, keys.ErrNoCanary, keys.ErrWrongMasterKey,
	} {
		if errors.Is(err, trouble) {
			return true
		}
	}
	return false
}

// unproved is the one answer to a secret that was not proved, whatever the cause.
func (d door) unproved() *protocolError {
	switch d {
	case doorClient:
		return errNoClient
	case doorBearer:
		return tokenFailed("the token is invalid")
	default:
		return invalidRequest("subject_token is invalid")
	}
}

// failed is the answer to a token that was proved and is refused.
func (d door) failed(description string) *protocolError {
	switch d {
	case doorClient:
		return clientFailed(description)
	case doorBearer:
		return tokenFailed(description)
	default:
		return invalidRequest(description)
	}
}

func clientFailed(description string) *protocolError {
	return &protocolError{
		status: http.StatusUnauthorized, code: codeInvalidClient, description: description, challenges: []string{challengeBasic},
	}
}

func tokenFailed(description string) *protocolError {
	challenge := challengeBearer + `, error="` + codeInvalidToken + `", error_description="` + description + `"`
	return &protocolError{
		status: http.StatusUnauthorized, code: codeInvalidToken, description: description, challenges: []string{challenge},
	}
}

func insufficientScope(scope string) *protocolError {
	challenge := challengeBearer + `, error="` + codeInsufficientScope + `", scope="` + scope + `"`
	return &protocolError{
		status: http.StatusForbidden, code: codeInsufficientScope, description: "the token does not cover " + scope, challenges: []string{challenge},
	}
}

func malformedForm(err *httpx.FormError) *protocolError {
	answer := invalidRequest(err.Error())
	switch {
	case errors.Is(err, httpx.ErrTooLarge):
		answer.status = http.StatusRequestEntityTooLarge
	case errors.Is(err, httpx.ErrContentEncoding):
		answer.status = http.StatusUnsupportedMediaType
	case errors.Is(err, httpx.ErrNUL) && err.Param == "scope": // RFC 6749 §3.3
		answer.code = codeInvalidScope
	}
	return answer
}
