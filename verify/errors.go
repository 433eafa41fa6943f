package verify

import (
	"errors"
	"net/http"
	"strings"
)

// What can be wrong with a credential. Every error of Verify and of the
// middleware is an *Error that wraps one of these; compare with errors.Is.
var (
	// ErrNoToken says that a request brought no access token: 401 with a
	// challenge that names no error (RFC 6750 §3.1).
	ErrNoToken = errors.New("no access token")
	// ErrInvalidRequest says that a request brought credentials in a way that is
	// not allowed: 400 invalid_request.
	ErrInvalidRequest = errors.New("malformed request")
	// ErrInvalidToken says that a token is not valid here: 401 invalid_token.
	ErrInvalidToken = errors.New("the access token is invalid")
	// ErrExpired says that a token whose signature fits is past its exp. It comes
	// with ErrInvalidToken.
	ErrExpired = errors.New("the access token expired")
	// ErrRevoked says that Revocations knows the token. It comes with
	// ErrInvalidToken.
	ErrRevoked = errors.New("the access token is revoked")
	// ErrInsufficientScope says that a valid token lacks a scope: 403
	// insufficient_scope.
	ErrInsufficientScope = errors.New("the access token lacks a scope")
	// ErrUnavailable says that nobody can tell now: the keys are too old, or the
	// authorization server is needed and not reached. 503.
	ErrUnavailable = errors.New("access tokens cannot be checked now")
	// ErrClosed says that Close was called. It comes with ErrUnavailable.
	ErrClosed = errors.New("the verifier is closed")
)

// Error codes (RFC 6750 §3.1).
const (
	codeInvalidRequest    = "invalid_request"
	codeInvalidToken      = "invalid_token"
	codeInsufficientScope = "insufficient_scope"
)

// Error is why a credential was refused. Its text is for logs: it says more than
// a client learns, and quotes no credential.
type Error struct {
	// Status is the HTTP status: 400, 401, 403 or 503.
	Status int
	// Code is the error code (RFC 6750 §3.1), empty if there is none to send.
	Code string
	// Description is the error_description. It tells a client no more than that
	// a token is invalid, or, of one whose signature fits, that it expired.
	Description string
	// Scope is what the request needs (RFC 6750 §3), nil unless that is at fault.
	Scope []string

	kind, cause error
}

// Error says what is wrong, with the cause.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.kind.Error()
	}
	return e.kind.Error() + ": " + e.cause.Error()
}

// Unwrap returns one of the errors of this package, and the cause.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}

// Challenge returns the WWW-Authenticate header (RFC 6750 §3), with the address
// of the resource's metadata unless that is empty (RFC 9728 §5.1). A 503 has none.
func (e *Error) Challenge(resourceMetadata string) string {
	if e.Status == http.StatusServiceUnavailable {
		return ""
	}
	var parameters []string
	add := func(name, value string) {
		if value != "" {
			parameters = append(parameters, name+`="`+quotable(value)+`"`)
		}
	}
	add("error", e.Code)
	add("error_description", e.Description)
	add("scope", strings.Join(e.Scope, " "))
	add("resource_metadata", resourceMetadata)
	if parameters == nil {
		return "Bearer"
	}
	return "Bearer " + strings.Join(parameters, ", ")
}

// quotable drops what RFC 6750 §3 allows in none of the attributes.
func quotable(value string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, value)
}

func noToken() *Error {
	return &Error{Status: http.StatusUnauthorized, kind: ErrNoToken}
}

func invalidRequest(description string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: codeInvalidRequest, Description: description, kind: ErrInvalidRequest, cause: errors.New(description)}
}

func invalidToken(cause error) *Error {
	description := "the access token is invalid"
	if errors.Is(cause, ErrExpired) {
		description = "the access token expired"
	}
	return &Error{Status: http.StatusUnauthorized, Code: codeInvalidToken, Description: description, kind: ErrInvalidToken, cause: cause}
}

func insufficientScope(required []string) *Error {
	return &Error{
		Status: http.StatusForbidden, Code: codeInsufficientScope, Description: "the access token lacks a scope that this needs",
		Scope: required, kind: ErrInsufficientScope,
	}
}

func unavailable(cause error) *Error {
	return &Error{Status: http.StatusServiceUnavailable, Description: "access tokens cannot be checked now", kind: ErrUnavailable, cause: cause}
}

// refusal returns err as an *Error; what is none says that nobody can tell.
func refusal(err error) *Error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	return unavailable(err)
}
