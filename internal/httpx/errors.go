package httpx

import (
	"errors"
	"fmt"
)

// What may be wrong with a request body or query string. Each is the Kind of a
// FormError or JSONError and is found by errors.Is.
var (
	// ErrTooLarge says that the body exceeds the limit (413).
	ErrTooLarge = errors.New("the request body is too large")
	// ErrMediaType says that the Content-Type is absent or not one the endpoint takes.
	ErrMediaType = errors.New("the content type is not supported")
	// ErrContentEncoding says that the body is compressed (415); it is never decoded.
	ErrContentEncoding = errors.New("the content encoding is not supported")
	// ErrMalformed says that the body breaks the syntax of its media type, is not
	// UTF-8, holds a NUL, or ends early.
	ErrMalformed = errors.New("the request body is malformed")
	// ErrNUL is ErrMalformed for a value with a NUL in it, which is text all the
	// same, though none that any parameter allows.
	ErrNUL = fmt.Errorf("%w", ErrMalformed)
	// ErrDuplicate says that a parameter or member occurs more than once (RFC 6749 §3.2).
	ErrDuplicate = errors.New("a parameter occurs more than once")
	// ErrSecretInURI says that the query string holds a credential (RFC 6749 §2.3.1,
	// RFC 9700 §4.3.2). Whoever sent it should consider it leaked.
	ErrSecretInURI = errors.New("a credential was sent in the query string")
	// ErrUnknownField says that a JSON object has a member that nothing reads.
	ErrUnknownField = errors.New("the field is unknown")
	// ErrFieldType says that a JSON member has a value of the wrong type.
	ErrFieldType = errors.New("the field has a value of the wrong type")
)

// FormError is why ReadForm or CheckQuery refused a request.
type FormError struct {
	Kind error // one of the sentinels of this package
	// Param is the parameter at fault if it is one that OAuth knows, else empty:
	// a name of the client's own making is never repeated, it may be a secret.
	Param string
}

// Error describes the fault in words that hold nothing of the client's but a
// well-known parameter name.
func (e *FormError) Error() string {
	if e.Param == "" {
		return e.Kind.Error()
	}
	return e.Kind.Error() + ": " + e.Param
}

// Unwrap returns the Kind.
func (e *FormError) Unwrap() error { return e.Kind }

// JSONError is why DecodeJSON refused a request.
type JSONError struct {
	Kind error // one of the sentinels of this package
	// Field is the path of the member at fault, as in `owner.name` or `ops[2].value`;
	// empty when the whole body is at fault. A name that does not look like one is
	// replaced by a question mark.
	Field string
}

// Error describes the fault and names the field.
func (e *JSONError) Error() string {
	if e.Field == "" {
		return e.Kind.Error()
	}
	return e.Kind.Error() + ": " + e.Field
}

// Unwrap returns the Kind.
func (e *JSONError) Unwrap() error { return e.Kind }
