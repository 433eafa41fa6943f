package replay

import (
	"context"
	"errors"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// life brings one token to where its events say it is, and counts them.
func (r *run) life(ctx context.Context, token pat.ID, events []audit.Event) error {
	if len(events) == 0 {
		return nil // dealt with
	}
	record, known, err := r.find(ctx, string(token))
	if err != nil {
		return err
	}
	outcomes := make([]outcome, len(events))
	for i := range events {
		if name := events[i].Name; (name == audit.TokenUpdated || name == audit.TokenCreated && !known) && !r.gone[string(token)] {
			outcomes[i] = lost
		}
	}
	if known {
		if err := r.settle(ctx, &record, events, outcomes); err != nil {
			return err
		}
	}
	for i := range events {
		r.report.count(events[i].Name, outcomes[i])
	}
	return nil
}

// find returns a token if the store has it.
func (r *run) find(ctx context.Context, token string) (record pat.Record, known bool, err error) {
	if !id.Valid(token) {
		return pat.Record{}, false, nil
	}
	record, err = r.tokens.Find(ctx, pat.ID(token))
	if errors.Is(err, pat.ErrNotFound) {
		return pat.Record{}, false, nil
	}
	return record, err == nil, err
}

// settle does what the events of a token come to, and says so at those that
// decided it.
func (r *run) settle(ctx context.Context, record *pat.Record, events []audit.Event, outcomes []outcome) error {
	v := judge(record, events)
	var err error
	switch {
	case v.deleted != nil:
		err = r.tokens.Delete(ctx, record, pat.Actor{})
		outcomes[v.deleted.event] = applied
	case v.revoked != nil:
		outcomes[v.revoked.event], err = r.end(ctx, record, v.revoked)
	case v.final != nil:
		outcomes[v.final.event], err = r.end(ctx, record, v.final)
	case v.renewed != nil:
		outcomes[v.renewed.event], outcomes[v.reactivated], err = r.renew(ctx, record, v.renewed, v.cycles)
	default:
		for _, i := range v.orphans {
			outcomes[i] = lost
		}
	}
	return err
}

// end revokes a token, unless its record has this very revocation: that one may
// be reactivated if it could before.
func (r *run) end(ctx context.Context, record *pat.Record, e *ending) (outcome, error) {
	if e.alone && record.State == pat.StateRevoked && record.RevokedAt.Equal(e.lost.At) {
		return already, nil
	}
	_, changed, err := r.tokens.EndAgain(ctx, record, e.lost, pat.Actor{})
	if changed {
		return applied, err
	}
	return already, err
}

// renew revokes a token and reactivates it as often as that had happened: each time
// raises its generation, and JWTs of each are dead. Where it cannot be reactivated any
// more it stays revoked.
func (r *run) renew(ctx context.Context, record *pat.Record, e *ending, cycles int) (revoked, reactivated outcome, err error) {
	e.lost.Reversible = true
	for cycle := range cycles {
		if cycle > 0 {
			next, err := r.tokens.Find(ctx, record.ID)
			if err != nil {
				return revoked, reactivated, err
			}
			record = &next
		}
		if revoked, reactivated, err = r.renewOnce(ctx, record, e); err != nil || reactivated != applied {
			break
		}
	}
	return revoked, reactivated, err
}

func (r *run) renewOnce(ctx context.Context, record *pat.Record, e *ending) (revoked, reactivated outcome, err error) {
	switch {
	case record.State == pat.StateActive:
		if _, _, err := r.tokens.EndAgain(ctx, record, e.lost, pat.Actor{}); err != nil {
			return already, already, err
		}
		revoked = applied
	case record.State != pat.StateRevoked || record.RevokedBy != "" || !record.RevokedAt.Equal(e.lost.At):
		return already, lost, nil // it ended in some other way
	default: // a replay that was cut short got as far as this
	}
	who, err := r.directory.Snapshot(ctx)
	if err != nil {
		return revoked, lost, err
	}
	organization, ok := who.Organization(record.Organization)
	if !ok {
		return revoked, lost, nil
	}
	_, err = r.tokens.Reactivate(ctx, record.ID, 0, &organization.Policy, pat.Actor{})
	switch {
	case err == nil:
		return revoked, applied, nil
	case errors.Is(err, pat.ErrNotReactivatable), errors.Is(err, pat.ErrLimit): // expired, or one too many
		return revoked, lost, nil
	default:
		return revoked, lost, err
	}
}
