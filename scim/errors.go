package scim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/manage/door"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/scim/filter"
)

// The kinds of error that are told apart (RFC 7644 §3.12).
const (
	invalidFilter = "invalidFilter"
	invalidPath   = "invalidPath"
	invalidSyntax = "invalidSyntax"
	invalidValue  = "invalidValue"
	mutability    = "mutability"
	noTarget      = "noTarget"
	uniqueness    = "uniqueness"
)

// requestError says what is wrong with a request.
type requestError struct{ kind, detail string }

func (e *requestError) Error() string { return e.detail }

func wrong(kind, format string, args ...any) error {
	return &requestError{kind: kind, detail: fmt.Sprintf(format, args...)}
}

// partialError says that some of the changes to the members of a group were made
// before one failed. The same request, made again, makes the rest.
type partialError struct {
	made, of int
	cause    error
}

func (e *partialError) Error() string {
	return fmt.Sprintf("%d of %d changes to the members were made: %s", e.made, e.of, e.cause)
}

func (e *partialError) Unwrap() error { return e.cause }

// unavailableRetry is what Retry-After says when a part below cannot answer.
const unavailableRetry = time.Second

// answer is an error as the protocol tells it.
type answer struct {
	status     int
	kind       string // scimType; empty: none fits
	detail     string
	denial     string // finds a refusal in the audit trail
	challenge  string // appended to WWW-Authenticate, which 401 always has
	retryAfter time.Duration
}

// What a challenge says of the credential (RFC 6750 §3.1).
const (
	challengeInvalid   = `, error="invalid_token"`
	challengeMalformed = `, error="invalid_request"`
)

// answerTo maps every error that the door may meet to its answer. known is false for
// any other: then the answer is an internal fault.
func answerTo(err error) (a answer, known bool) {
	// Trouble below decides nothing: it goes before what else an error may wrap.
	if isUnavailable(err) {
		a, known = answer{status: http.StatusServiceUnavailable, detail: "nothing was decided: try again", retryAfter: unavailableRetry}, true
	}
	for _, look := range []func(error) (answer, bool){credentialAnswer, rightsAnswer, requestAnswer, sentinelAnswer} {
		if !known {
			a, known = look(err)
		}
	}
	if !known {
		return answer{status: http.StatusInternalServerError, detail: "an internal fault occurred"}, false
	}
	if partial, ok := errors.AsType[*partialError](err); ok {
		a.detail = fmt.Sprintf("%d of %d changes to the members were made, the next failed: %s; the same request, made again, makes the rest",
			partial.made, partial.of, a.detail)
	}
	return a, true
}

func isUnavailable(err error) bool {
	for _, trouble := range []error{
		fault.ErrUnavailable, context.Canceled, context.DeadlineExceeded, keys.ErrNotOpened, keys.ErrStale, keys.ErrNoActiveKey,
		keys.ErrNoCanary, keys.ErrWrongMasterKey, keys.ErrSwapped,
	} {
		if errors.Is(err, trouble) {
			return true
		}
	}
	return false
}

// credentialAnswer maps what may be wrong with the credential.
func credentialAnswer(err error) (answer, bool) {
	invalid := func(detail string) answer {
		return answer{status: http.StatusUnauthorized, detail: detail, challenge: challengeInvalid}
	}
	if throttled, ok := errors.AsType[*exchange.ThrottledError](err); ok {
		return tooMany(throttled.RetryAfter), true
	}
	if limit, ok := errors.AsType[*door.LimitError](err); ok {
		return tooMany(limit.RetryAfter), true
	}
	if denial, ok := errors.AsType[*exchange.DeniedError](err); ok {
		a := invalid("the credential was refused: " + denial.Description + "; denial " + denial.ID)
		a.denial = denial.ID
		return a, true
	}
	switch {
	case errors.Is(err, door.ErrNoCredential), errors.Is(err, door.ErrSecretInURI):
		return answer{status: http.StatusUnauthorized, detail: "send a credential in the Authorization header"}, true
	case errors.Is(err, door.ErrTwoCredentials):
		return answer{status: http.StatusBadRequest, kind: invalidSyntax, detail: "send one credential", challenge: challengeMalformed}, true
	case errors.Is(err, keys.ErrExpired):
		return invalid("the JWT has expired"), true
	case errors.Is(err, keys.ErrInvalid), errors.Is(err, exchange.ErrUnproved), errors.Is(err, exchange.ErrClient):
		return invalid("the credential is invalid"), true
	}
	return answer{}, false
}

func tooMany(retry time.Duration) answer {
	return answer{status: http.StatusTooManyRequests, detail: "too many requests: wait as long as Retry-After says", retryAfter: retry}
}

// rightsAnswer maps what a caller may not do.
func rightsAnswer(err error) (answer, bool) {
	forbidden := func(format string, args ...any) (answer, bool) {
		return answer{status: http.StatusForbidden, detail: fmt.Sprintf(format, args...)}, true
	}
	if scope, ok := errors.AsType[*manage.ScopeError](err); ok {
		a, _ := forbidden("the credential does not cover the scope %s", scope.Scope)
		a.challenge = `, error="insufficient_scope", scope="` + scope.Scope + `"`
		return a, true
	}
	if lack, ok := errors.AsType[*manage.LackError](err); ok {
		return forbidden("the owner of the credential lacks the %s", strings.TrimSpace("role "+string(lack.Role)))
	}
	if give, ok := errors.AsType[*manage.GiveError](err); ok {
		return forbidden("that would give or take over %s, which the technical user of the token neither holds nor may assign: "+
			"have it given that role, or keep this by hand", give.Name())
	}
	switch {
	case errors.Is(err, manage.ErrNotProvisioner):
		return forbidden("provisioning needs an access token of the organization, made with adminRole")
	case errors.Is(err, manage.ErrBuiltIn):
		return forbidden("only a platform_admin ends the built-in administrator")
	}
	return answer{}, false
}

// requestAnswer maps what may be wrong with what was sent.
func requestAnswer(err error) (answer, bool) {
	bad := func(kind, detail string) (answer, bool) {
		return answer{status: http.StatusBadRequest, kind: kind, detail: detail}, true
	}
	if request, ok := errors.AsType[*requestError](err); ok {
		return bad(request.kind, request.detail)
	}
	if syntax, ok := errors.AsType[*filter.Error](err); ok {
		return bad(invalidFilter, "filter: "+syntax.Error())
	}
	if body, ok := errors.AsType[*httpx.JSONError](err); ok {
		return bodyAnswer(body)
	}
	if causes := fieldCauses(err); len(causes) > 0 {
		return bad(invalidValue, strings.Join(causes, "; "))
	}
	return answer{}, false
}

func bodyAnswer(body *httpx.JSONError) (answer, bool) {
	switch {
	case errors.Is(body, httpx.ErrTooLarge):
		return answer{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("send at most %d bytes", httpx.DefaultMaxBytes)}, true
	case errors.Is(body, httpx.ErrMediaType):
		return answer{status: http.StatusUnsupportedMediaType, detail: "send " + typeSCIM}, true
	case errors.Is(body, httpx.ErrContentEncoding):
		return answer{status: http.StatusUnsupportedMediaType, detail: "send the body without compression"}, true
	default:
		return answer{status: http.StatusBadRequest, kind: invalidSyntax, detail: body.Error()}, true
	}
}

// fieldCauses says of every field that a joined error finds fault with which attribute
// that is, and what is wrong.
func fieldCauses(err error) []string {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var causes []string
		for _, one := range several.Unwrap() {
			causes = append(causes, fieldCauses(one)...)
		}
		return causes
	}
	field, ok := errors.AsType[*directory.FieldError](err)
	if !ok {
		return nil
	}
	name, known := map[string]string{"username": "userName", "email": "emails", "name": "displayName"}[field.Field]
	if !known {
		name = field.Field
	}
	return []string{name + " " + field.Cause}
}

// sentinelAnswer maps errors that say no more than what they are.
func sentinelAnswer(err error) (answer, bool) {
	for _, row := range []struct {
		is error
		a  answer
	}{
		{errNoRoute, answer{status: http.StatusNotFound, detail: "nothing is here: begin at " + Path + "/ServiceProviderConfig"}},
		{errMethod, answer{status: http.StatusMethodNotAllowed, detail: "use a method that Allow names"}},
		{errNoChoice, answer{status: http.StatusForbidden, detail: "this list takes no filter"}},
		{manage.ErrNotFound, answer{status: http.StatusNotFound, detail: "there is no such resource"}},
		{directory.ErrNotFound, answer{status: http.StatusNotFound, detail: "there is no such resource"}},
		{manage.ErrTechnical, answer{status: http.StatusNotFound, detail: "there is no such resource"}},
		{manage.ErrChanged, answer{status: http.StatusPreconditionFailed, detail: "the resource is not what was read: read it again"}},
		{directory.ErrConflict, answer{status: http.StatusConflict, detail: "the resource was changed in the meantime: read it again"}},
		{directory.ErrNameTaken, answer{status: http.StatusConflict, kind: uniqueness, detail: "userName, externalId or displayName is taken"}},
		{directory.ErrReserved, answer{status: http.StatusBadRequest, kind: mutability, detail: "that group, or a group of that name, is not kept by provisioning"}},
		{directory.ErrCycle, answer{status: http.StatusBadRequest, kind: invalidValue, detail: "a group would contain itself"}},
		{manage.ErrSelf, answer{status: http.StatusConflict, detail: "that would end the caller"}},
		{directory.ErrTooMany, answer{status: http.StatusForbidden, detail: "the organization has as many groups as are allowed"}},
		{manage.ErrLastAdministrator, answer{status: http.StatusConflict, detail: "the last platform_admin stays"}},
		{pat.ErrConflict, answer{status: http.StatusConflict, detail: "a token of the resource was changed in the meantime: try again"}},
	} {
		if errors.Is(err, row.is) {
			return row.a, true
		}
	}
	return answer{}, false
}
