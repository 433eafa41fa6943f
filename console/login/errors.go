package login

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/cambio-sts/cambio/internal/fault"
)

// What may come of a login besides a Person and fault.ErrUnavailable.
var (
	// ErrState says that the callback belongs to no login that this browser began, or
	// to one that has ended, or comes from another provider.
	ErrState = errors.New("the callback does not belong to this login")
	// ErrToken says that what the provider told of the person cannot be believed.
	ErrToken = errors.New("the provider's answer is invalid")
	// ErrOverage says that the provider keeps a claim that is needed elsewhere: mostly
	// that somebody is in more groups than it puts into a token.
	ErrOverage = errors.New("the provider only refers to a claim that is needed")
	// ErrProvider says that what the provider says of itself cannot be used: another
	// issuer, an endpoint that is no https URL, no algorithm or client authentication
	// that is accepted. Somebody has to change the configuration.
	ErrProvider = errors.New("the provider's metadata cannot be used")
)

// RefusedError says that the provider logged nobody in, or gave nothing for the code.
type RefusedError struct {
	// Code is one of the error codes there are (RFC 6749 §4.1.2.1 and §5.2, OpenID
	// Connect Core 1.0 §3.1.2.6), or empty for any other.
	Code string
}

func (e *RefusedError) Error() string {
	if e.Code == "" {
		return "the provider refused"
	}
	return "the provider refused: " + e.Code
}

// refused keeps of a code no more than that it is a known one.
func refused(code string) *RefusedError {
	known := []string{
		"invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope", "server_error",
		"temporarily_unavailable", "invalid_client", "invalid_grant", "unsupported_grant_type", "interaction_required", "login_required",
		"account_selection_required", "consent_required", "invalid_request_uri", "invalid_request_object", "request_not_supported",
		"request_uri_not_supported", "registration_not_supported",
	}
	if !slices.Contains(known, code) {
		code = ""
	}
	return &RefusedError{Code: code}
}

// maxDetail is how much of an error that may quote the provider is kept.
const maxDetail = 300

// because wraps kind around what went wrong, of which only a bounded and quoted text
// is kept.
func because(kind, err error) error {
	text := err.Error()
	if len(text) > maxDetail {
		text = text[:maxDetail]
	}
	return fmt.Errorf("%w: %s", kind, strconv.QuoteToASCII(text))
}

func foreign(why string) error { return fmt.Errorf("%w: %s", ErrState, why) }

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrToken, fmt.Sprintf(format, args...))
}

func unusable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrProvider, fmt.Sprintf(format, args...))
}

func unreachable(err error) error { return because(fault.ErrUnavailable, err) }
