package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/manage/door"
	"github.com/cambio-sts/cambio/pat"
)

var (
	errNoRoute = errors.New("no such route")
	errMethod  = errors.New("the route does not take the method")
)

// requestError says what is wrong with a request, by a text of the catalogues.
type requestError struct {
	key  key
	args []any
}

func (e *requestError) Error() string { return string(e.key) }

// updateError says that a JSON Patch tries what is not allowed.
type updateError struct {
	key  key
	args []any // the number of the operation, from 1, and what the text takes besides
}

func (e *updateError) Error() string { return string(e.key) }

// testError says that a test of a JSON Patch failed.
type testError struct{ operation int }

func (e *testError) Error() string { return "a test of the patch failed" }

// unavailableRetry is what Retry-After says when a part below cannot answer.
const unavailableRetry = time.Second

// answer is an error as the API tells it.
type answer struct {
	status  int
	code    string // detailCode
	message key
	causes  []cause

	// What a 401 tells instead of message and causes, and finds the refusal by.
	unauthorized, denial string
	// challenge is appended to WWW-Authenticate, which 401 always has.
	challenge  string
	retryAfter time.Duration
}

// cause is a text of the catalogues with what fills it; a key there stands for its
// own text.
type cause struct {
	key  key
	args []any
}

func because(k key, args ...any) []cause { return []cause{{key: k, args: args}} }

func badRequest(causes ...cause) answer {
	return answer{status: http.StatusBadRequest, code: "400.1 Bad Request Content", message: messageBadRequest, causes: causes}
}

func forbidden(causes ...cause) answer {
	return answer{status: http.StatusForbidden, code: "403 Forbidden", message: messageForbidden, causes: causes}
}

func notFound(k key) answer {
	return answer{status: http.StatusNotFound, code: "404 Not found", message: messageNotFound, causes: because(k)}
}

func conflict(causes ...cause) answer {
	return answer{status: http.StatusConflict, code: "409 Conflict", message: messageConflict, causes: causes}
}

func unavailable() answer {
	return answer{
		status: http.StatusServiceUnavailable, code: "503 Service Unavailable", message: messageUnavailable,
		causes: because(causeTryAgain), retryAfter: unavailableRetry,
	}
}

func unauthorized(text, challenge string) answer {
	return answer{status: http.StatusUnauthorized, unauthorized: text, challenge: challenge}
}

// What a challenge says of the credential (RFC 6750 §3.1).
const (
	challengeInvalid   = `, error="invalid_token"`
	challengeMalformed = `, error="invalid_request"`
)

// answerTo maps every error that the API may meet to its answer. known is false
// for any other: then the answer is an internal fault.
func answerTo(err error) (a answer, known bool) {
	// Trouble below decides nothing: it goes before what else an error may wrap.
	if isUnavailable(err) {
		return unavailable(), true
	}
	for _, look := range []func(error) (answer, bool){credentialAnswer, typedAnswer, sentinelAnswer} {
		if a, known := look(err); known {
			return a, true
		}
	}
	return answer{status: http.StatusInternalServerError, code: "500.0 Internal Fault", message: messageFault}, false
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
	const invalid = "JWT validation failed: JWT is invalid"
	if throttled, ok := errors.AsType[*exchange.ThrottledError](err); ok {
		return answer{status: http.StatusTooManyRequests, retryAfter: throttled.RetryAfter}, true
	}
	if limit, ok := errors.AsType[*door.LimitError](err); ok {
		return answer{status: http.StatusTooManyRequests, retryAfter: limit.RetryAfter}, true
	}
	if denial, ok := errors.AsType[*exchange.DeniedError](err); ok {
		a := unauthorized("Token validation failed: "+denial.Description, challengeInvalid)
		a.denial = denial.ID
		return a, true
	}
	if refusal, ok := errors.AsType[*pat.RefusedError](err); ok {
		return unauthorized("Token validation failed: "+refusal.Description, challengeInvalid), true
	}
	switch {
	case errors.Is(err, door.ErrNoCredential), errors.Is(err, door.ErrSecretInURI):
		return unauthorized("No authorization header", ""), true
	case errors.Is(err, door.ErrTwoCredentials):
		a := badRequest(cause{key: causeTwice})
		a.challenge = challengeMalformed
		return a, true
	case errors.Is(err, keys.ErrExpired):
		return unauthorized("JWT validation failed: JWT is expired", challengeInvalid), true
	case errors.Is(err, keys.ErrInvalid), errors.Is(err, exchange.ErrUnproved), errors.Is(err, exchange.ErrClient),
		errors.Is(err, pat.ErrMalformed):
		return unauthorized(invalid, challengeInvalid), true
	}
	return answer{}, false
}

// rightsAnswer maps what a caller may not do.
func rightsAnswer(err error) (answer, bool) {
	if scope, ok := errors.AsType[*manage.ScopeError](err); ok {
		a := forbidden(cause{key: causeScope, args: []any{scope.Scope}})
		a.challenge = `, error="insufficient_scope", scope="` + scope.Scope + `"`
		return a, true
	}
	if lack, ok := errors.AsType[*manage.LackError](err); ok {
		return forbidden(lackCause(lack)), true
	}
	if give, ok := errors.AsType[*manage.GiveError](err); ok {
		return forbidden(cause{key: causeGive, args: []any{give.Name()}}), true
	}
	if rotated, ok := errors.AsType[*manage.RotationError](err); ok {
		return forbidden(cause{key: causeWiderRotate, args: []any{rotated.Wider.Field}}), true
	}
	if wider, ok := errors.AsType[*pat.WiderError](err); ok {
		return forbidden(widerCause(wider)), true
	}
	return answer{}, false
}

// lackCause says what the caller's owner would need.
func lackCause(lack *manage.LackError) cause {
	if lack.Role != "" {
		return cause{key: causeRole, args: []any{lack.Role}}
	}
	return cause{key: causeRight, args: []any{lack.Right}}
}

// widerCause says in what a token would be wider than another, and what to do.
func widerCause(wider *pat.WiderError) cause {
	bound := termActing
	if wider.ByMaker {
		bound = termMaker
	}
	text, known := map[string]key{
		"scope": causeWiderScope, "expirationDate": causeWiderEnd, "level": causeWiderLevel, "audience": causeWiderTarget, "allowedNetworks": causeWiderFrom,
	}[wider.Field]
	if !known {
		return cause{key: causeWider}
	}
	return cause{key: text, args: []any{bound}}
}

// typedAnswer maps errors that say more than what they are.
func typedAnswer(err error) (answer, bool) {
	if a, known := rightsAnswer(err); known {
		return a, true
	}
	if body, ok := errors.AsType[*bodyError](err); ok {
		return bodyAnswer(body), true
	}
	if list, ok := errors.AsType[*query.Error](err); ok {
		return badRequest(cause{key: causeList, args: []any{list.Parameter, list.Position, cause{key: fixKey(list.Fix), args: list.Args}}}), true
	}
	if service, ok := errors.AsType[*manage.ServiceError](err); ok {
		return badRequest(cause{key: causeService, args: []any{service.Index, service.Default}}), true
	}
	if request, ok := errors.AsType[*requestError](err); ok {
		return badRequest(cause{key: request.key, args: request.args}), true
	}
	if update, ok := errors.AsType[*updateError](err); ok {
		return answer{
			status: http.StatusBadRequest, code: "400.1.1 Illegal update attempt", message: messageUpdate,
			causes: because(update.key, update.args...),
		}, true
	}
	if ended, ok := errors.AsType[*pat.NotActiveError](err); ok {
		return badRequest(endedCause(ended)), true
	}
	if test, ok := errors.AsType[*testError](err); ok {
		return conflict(cause{key: causePatchTest, args: []any{test.operation}}), true
	}
	if target, ok := errors.AsType[*exchange.TargetError](err); ok {
		return badRequest(cause{key: causeText, args: []any{target.Description}}), true
	}
	if scope, ok := errors.AsType[*exchange.ScopeError](err); ok {
		return badRequest(cause{key: causeText, args: []any{scope.Description}}), true
	}
	if causes := fieldCauses(err); len(causes) > 0 {
		return badRequest(causes...), true
	}
	return answer{}, false
}

// fieldCauses lists every field that a joined error finds fault with.
func fieldCauses(err error) []cause {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var causes []cause
		for _, one := range several.Unwrap() {
			causes = append(causes, fieldCauses(one)...)
		}
		return causes
	}
	if field, ok := errors.AsType[*directory.FieldError](err); ok {
		return because(causeField, field.Field, fieldText(field.Rule, field.Cause, field.Args))
	}
	return nil
}

// fieldText is what is wrong with a field by the text of the rule that it breaks, or
// in the domain's own words if the rule has no name.
func fieldText[T ~string](rule T, english string, args []any) any {
	if rule == "" {
		return english
	}
	return cause{key: ruleKey(rule), args: args}
}

// endedCause says how a token that cannot be changed ended, and what to do.
func endedCause(ended *pat.NotActiveError) cause {
	switch {
	case ended.Status == pat.Expired:
		return cause{key: causeExpired}
	case ended.Reversible:
		return cause{key: causeRevoked}
	default:
		return cause{key: causeEnded, args: []any{ended.Status}}
	}
}

// sentinelAnswer maps errors that say no more than what they are.
func sentinelAnswer(err error) (answer, bool) {
	for _, sentinel := range []struct {
		is     error
		answer func() answer
	}{
		{manage.ErrNotOwner, func() answer { return forbidden(cause{key: causeNotOwner}) }},
		{manage.ErrTechnicalUser, func() answer { return forbidden(cause{key: causeTechnical}) }},
		{manage.ErrOldSecret, func() answer { return forbidden(cause{key: causeReplaced}) }},
		{manage.ErrNotProvisioner, func() answer { return forbidden(cause{key: causeProvisioner}) }},
		{manage.ErrBuiltIn, func() answer { return forbidden(cause{key: causeBuiltIn}) }},
		{manage.ErrOwner, func() answer { return badRequest(cause{key: causeOwner}) }},
		{manage.ErrTechnical, func() answer { return badRequest(cause{key: causeTechnicalLife}) }},
		{manage.ErrSelf, func() answer { return conflict(cause{key: causeSelf}) }},
		{manage.ErrLastAdministrator, func() answer { return conflict(cause{key: causeLastAdmin}) }},
		{manage.ErrChanged, func() answer {
			return answer{status: http.StatusPreconditionFailed, code: "412 Precondition Failed", message: messagePrecondition, causes: because(causeChanged)}
		}},
		{pat.ErrParentEnded, func() answer { return forbidden(cause{key: causeParentEnded}) }},
		{pat.ErrWider, func() answer { return forbidden(cause{key: causeWider}) }},
		{errNoRoute, func() answer { return notFound(causeNoRoute) }},
		{manage.ErrNotFound, func() answer { return notFound(causeUnknown) }},
		{pat.ErrNotFound, func() answer { return notFound(causeUnknown) }},
		{directory.ErrNotFound, func() answer { return notFound(causeUnknown) }},
		{keys.ErrUnknownKey, func() answer { return notFound(causeUnknown) }},
		{errMethod, func() answer {
			return answer{status: http.StatusMethodNotAllowed, code: "405 Method Not Allowed", message: messageMethod}
		}},
		{pat.ErrNameTaken, func() answer { return badRequest(cause{key: causeNameTaken}) }},
		{pat.ErrLimit, func() answer { return badRequest(cause{key: causeLimit}) }},
		{pat.ErrLineage, func() answer { return badRequest(cause{key: causeLineage}) }},
		{pat.ErrNotActive, func() answer { return badRequest(cause{key: causeNotActive}) }},
		{pat.ErrNotReactivatable, func() answer { return badRequest(cause{key: causeReactivate}) }},
		{directory.ErrNameTaken, func() answer { return badRequest(cause{key: causeDirName}) }},
		{directory.ErrTooMany, func() answer { return badRequest(cause{key: causeTooMany}) }},
		{directory.ErrReserved, func() answer { return badRequest(cause{key: causeDirReserved}) }},
		{directory.ErrCycle, func() answer { return badRequest(cause{key: causeDirCycle}) }},
		{pat.ErrConflict, func() answer { return conflict(cause{key: causeChanged}) }},
		{directory.ErrConflict, func() answer { return conflict(cause{key: causeChanged}) }},
		{pat.ErrNoOwner, func() answer { return conflict(cause{key: causeOwnerGone}) }},
	} {
		if errors.Is(err, sentinel.is) {
			return sentinel.answer(), true
		}
	}
	return answer{}, false
}
