package exchange

import (
	"context"
	"errors"
	"net/netip"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// presented is a token that passed the checks of its own and its owner's.
type presented struct {
	pat.Use
	access directory.Access
	policy *directory.Policy
	peer   netip.Addr
}

func (p *presented) event(name audit.Name, origin audit.Origin) audit.Event {
	outcome := audit.Success
	if name == audit.TokenUseFailed {
		outcome = audit.Failure
	}
	return audit.Event{
		ID: id.New(), Time: pat.Milliseconds(p.Now), Name: name, Organization: string(p.Record.Organization),
		Actor: string(p.Record.Owner), PATID: string(p.Record.ID), Owner: string(p.Record.Owner), Outcome: outcome,
	}.From(origin)
}

// prove runs checks 1 to 8 on a credential. What it returns with an error is nil.
func (e *Exchanger) prove(ctx context.Context, credential Credential, origin audit.Origin) (*presented, error) {
	return e.proveAgain(ctx, credential, nil, origin)
}

// proveAgain is prove, for a request that was perhaps answered earlier.
func (e *Exchanger) proveAgain(ctx context.Context, credential Credential, before *earlier, origin audit.Origin) (*presented, error) {
	p, err := e.use(ctx, credential, before, origin)
	if err != nil {
		return nil, err
	}
	if err := e.permit(p, p.peer); err != nil {
		return nil, e.refuse(err, p, origin)
	}
	return p, nil
}

// use runs checks 1 to 6: those of the token itself and of its owner.
func (e *Exchanger) use(ctx context.Context, credential Credential, before *earlier, origin audit.Origin) (*presented, error) {
	peer, _ := netip.ParseAddr(origin.IP) // an address that cannot be read lies in no network
	token, err := credential.parse(e.Tokens.Format())
	if err != nil {
		return nil, e.unproved(err, "", peer, origin)
	}
	who, err := e.Directory.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	use, err := e.Tokens.UseAgain(ctx, token, before.find(token.ID()), who, origin)
	if errors.Is(err, ErrUnproved) {
		return nil, e.unproved(err, token.ID(), peer, origin)
	}
	if use.Used == nil {
		return nil, err // store trouble: a refusal would tell of a token
	}
	p := &presented{Use: use, peer: peer}
	if err != nil {
		return p, e.refuse(err, p, origin)
	}
	organization, _ := who.Organization(use.Record.Organization) // pat.Service.Use found it
	p.policy = &organization.Policy
	p.access = who.AccessOf(&p.Owner)
	return p, nil
}

// permit runs checks 7 and 8: the role that a personal token needs at each use,
// and the network.
func (e *Exchanger) permit(p *presented, peer netip.Addr) error {
	if err := permitRole(p); err != nil {
		return err
	}
	if !permitNetwork(peer, &p.Record, p.policy) {
		return &DeniedError{Cause: CauseNetwork, Description: "not allowed from this network"}
	}
	return nil
}

func permitRole(p *presented) error {
	if p.Record.Level == pat.Personal && !p.access.HoldsOrganizationRole(directory.AccessAsNonInteractiveUser) {
		return &DeniedError{Cause: CauseRole, Description: "its owner does not hold the role AccessAsNonInteractiveUser"}
	}
	return nil
}

// unproved records a failure of proof and counts it. The cause goes to the
// audit trail only. Failures past the limit are counted, not recorded one by one.
func (e *Exchanger) unproved(cause error, tokenID pat.ID, peer netip.Addr, origin audit.Origin) error {
	if retry, limited := e.Throttle.Failed(peer, string(tokenID)); limited {
		return &ThrottledError{RetryAfter: retry}
	}
	reason := reasonUnknown
	switch {
	case errors.Is(cause, pat.ErrMalformed):
		reason = reasonMalformed
	case errors.Is(cause, pat.ErrOldSecret):
		reason = reasonOldSecret
	}
	_ = e.Audit.Record(audit.Event{ // refused either way
		ID: id.New(), Time: pat.Milliseconds(e.Now()), Name: audit.TokenUseFailed, PATID: string(tokenID), Outcome: audit.Failure, Reason: reason,
	}.From(origin))
	return &unprovedError{reason}
}

// refuse turns the refusal of a proved token into its answer, of which Proved knows the
// token, and records it.
func (e *Exchanger) refuse(err error, p *presented, origin audit.Origin) error {
	event := p.event(audit.TokenUseFailed, origin)
	if refusal, ok := errors.AsType[*pat.RefusedError](err); ok {
		err = &DeniedError{Cause: refusal.Cause, Description: refusal.Description}
	}
	if denial, ok := errors.AsType[*DeniedError](err); ok {
		denial.ID = id.New()
		event.Reason, event.DenialID = string(denial.Cause), denial.ID
	} else if _, ok := errors.AsType[*TargetError](err); ok {
		event.Reason = reasonTarget
	} else if _, ok := errors.AsType[*ScopeError](err); ok {
		event.Reason = reasonScope
	} else if errors.Is(err, ErrClient) {
		event.Reason = reasonClient
	} else {
		return err // store trouble: nothing was decided
	}
	_ = e.Audit.Record(event) // refused either way
	return &provedError{p.Record.ID, err}
}

// checkClient verifies client credentials sent beside a subject token.
func (e *Exchanger) checkClient(ctx context.Context, r *Request, subject *presented) error {
	if r.Client == nil {
		return nil
	}
	client, err := e.prove(ctx, *r.Client, r.Origin)
	if _, throttled := errors.AsType[*ThrottledError](err); throttled || errors.Is(err, fault.ErrUnavailable) {
		return err
	}
	if err != nil {
		return &provedError{subject.Record.ID, ErrClient} // recorded by prove
	}
	if client.Record.Owner != subject.Record.Owner {
		return e.refuse(ErrClient, subject, r.Origin)
	}
	return nil
}
