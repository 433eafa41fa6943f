package exchange

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/tracing"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Observer is told how each use ended: what it was, its outcome, its cause, how long it
// took, and the id of its trace if that is sampled, else nothing. It does not block.
type Observer interface {
	UseEnded(use, outcome, cause string, took time.Duration, trace string)
}

// The uses: what a credential was presented for.
const (
	useExchange     = "exchange"
	useAuthenticate = "authenticate"
	useAccessToken  = "access_token" // of a JWT
	useIntrospect   = "introspect"
)

// Uses returns what an Observer may be told of as a use.
func Uses() []string { return []string{useExchange, useAuthenticate, useAccessToken, useIntrospect} }

// Outcome is how a use may end: the words that an Observer is told.
type Outcome struct{ Outcome, Cause string }

const (
	outcomeSuccess     = "success"
	outcomeRefused     = "refused"
	outcomeThrottled   = "throttled"
	outcomeUnavailable = "unavailable"
	outcomeFault       = "fault"
	noCause            = "none"
)

// The reasons in the audit trail, and causes of an outcome, of what is no denial.
const (
	reasonMalformed = "malformed"
	reasonUnknown   = "unknown_or_wrong_secret"
	reasonOldSecret = "old_secret"
	reasonTarget    = "invalid_target"
	reasonScope     = "invalid_scope"
	reasonClient    = "client_of_another_owner"
	reasonInvalid   = reasonJWT + "_invalid"
	reasonExpired   = reasonJWT + "_expired"
)

// Outcomes returns every outcome with each of its causes.
func Outcomes() []Outcome {
	all := []Outcome{
		{outcomeSuccess, noCause}, {outcomeThrottled, noCause}, {outcomeUnavailable, noCause}, {outcomeFault, noCause},
	}
	for _, cause := range slices.Concat(pat.Causes(), []pat.Cause{CauseRole, CauseNetwork, CauseAudience, CauseSubject, CauseEnding, CauseCredentials}) {
		all = append(all, Outcome{outcomeRefused, string(cause)})
	}
	for _, reason := range []string{
		reasonMalformed, reasonUnknown, reasonOldSecret, reasonTarget, reasonScope, reasonClient, reasonInvalid, reasonExpired,
	} {
		all = append(all, Outcome{outcomeRefused, reason})
	}
	return all
}

// unprovedError is ErrUnproved with its reason, on the way to who counts. It does not
// leave the package.
type unprovedError struct{ reason string }

func (*unprovedError) Error() string { return ErrUnproved.Error() }

// Unwrap makes it ErrUnproved.
func (*unprovedError) Unwrap() error { return ErrUnproved }

// outcomeOf says how a use ended.
func outcomeOf(err error) Outcome {
	if err == nil {
		return Outcome{outcomeSuccess, noCause}
	}
	if _, ok := errors.AsType[*ThrottledError](err); ok {
		return Outcome{outcomeThrottled, noCause}
	}
	if unproved, ok := errors.AsType[*unprovedError](err); ok {
		return Outcome{outcomeRefused, unproved.reason}
	}
	if denial, ok := errors.AsType[*DeniedError](err); ok {
		return Outcome{outcomeRefused, string(denial.Cause)}
	}
	if refusal, ok := errors.AsType[*pat.RefusedError](err); ok { // introspection tells nobody, so makes no denial
		return Outcome{outcomeRefused, string(refusal.Cause)}
	}
	if _, ok := errors.AsType[*TargetError](err); ok {
		return Outcome{outcomeRefused, reasonTarget}
	}
	if _, ok := errors.AsType[*ScopeError](err); ok {
		return Outcome{outcomeRefused, reasonScope}
	}
	switch {
	case errors.Is(err, fault.ErrUnavailable):
		return Outcome{outcomeUnavailable, noCause}
	case errors.Is(err, ErrClient):
		return Outcome{outcomeRefused, reasonClient}
	case errors.Is(err, keys.ErrExpired):
		return Outcome{outcomeRefused, reasonExpired}
	case errors.Is(err, keys.ErrInvalid):
		return Outcome{outcomeRefused, reasonInvalid}
	case errors.Is(err, ErrUnproved): // of a JWT whose PAT is gone
		return Outcome{outcomeRefused, reasonUnknown}
	default:
		return Outcome{outcomeFault, noCause}
	}
}

// observed is a use that is under way.
type observed struct {
	exchanger *Exchanger
	ctx       context.Context //nolint:containedctx // of this very call, for the id of its trace
	span      tracing.Span
	use       string
	start     time.Time
}

// observe begins a use: its span, and the time that it takes.
func (e *Exchanger) observe(ctx context.Context, use string) (context.Context, observed) {
	o := observed{exchanger: e, use: use}
	ctx, o.span = tracing.Start(ctx, use)
	o.ctx = ctx
	if e.Observer != nil {
		o.start = e.Now()
	}
	return ctx, o
}

// end tells how it ended, and returns err as it leaves the package: failures of proof are
// one and the same.
func (o *observed) end(err error) error {
	if o.exchanger.Observer != nil || o.span.Recorded() {
		o.tell(outcomeOf(err))
	}
	if _, ok := errors.AsType[*unprovedError](err); ok {
		return ErrUnproved
	}
	return err
}

func (o *observed) tell(outcome Outcome) {
	trace := ""
	if o.span.Recorded() {
		trace = tracing.ID(o.ctx)
		o.span.Set(tracing.Outcome, outcome.Outcome)
		o.span.Set(tracing.Cause, outcome.Cause)
		o.span.End(outcome.Outcome == outcomeUnavailable || outcome.Outcome == outcomeFault)
	}
	if o.exchanger.Observer != nil {
		o.exchanger.Observer.UseEnded(o.use, outcome.Outcome, outcome.Cause, o.exchanger.Now().Sub(o.start), trace)
	}
}
