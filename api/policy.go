package api

import (
	"net/http"
	"strconv"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// taggedPolicy is a policy with its ETag.
type taggedPolicy struct {
	policy directory.Policy
	etag   string
}

// ETag implements tagged.
func (p *taggedPolicy) ETag() string { return p.etag }

// GetPolicy answers with the policy of an organization.
func (s server) GetPolicy(w http.ResponseWriter, r *http.Request, id ID) {
	policy, etag, err := s.manager.Policy(r.Context(), callerFrom(r.Context()), id)
	respondTagged(s.API, w, r, &taggedPolicy{policy, etag}, func(p *taggedPolicy) Policy { return showPolicy(&p.policy) }, err)
}

// PutPolicy replaces the policy of an organization, or tells what that would do.
func (s server) PutPolicy(w http.ResponseWriter, r *http.Request, id ID, params PutPolicyParams) {
	list := listParams{limit: params.Limit, offset: params.Offset}
	change, err := s.manager.SetPolicy(
		r.Context(), callerFrom(r.Context()), id, matching(params.IfMatch), orZero(params.Preview), body(w, r, required, (*Policy).policy), list.of(nil),
	)
	if err == nil {
		w.Header().Set("X-Total-Count", strconv.Itoa(change.Ends.Total))
	}
	respondTagged(s.API, w, r, change, showPolicyChange, err)
}

func showPolicyChange(change *manage.PolicyChange) PolicyChange {
	return PolicyChange{Policy: showPolicy(&change.Policy), Applied: change.Applied, Ends: shownAll(change.Ends.Entries, showPolicyEnd)}
}

func showPolicyEnd(end manage.PolicyEnd) PolicyEnd {
	reason := "lifetime"
	if end.Unused {
		reason = "unused"
	}
	return PolicyEnd{
		ID: string(end.Record.ID), Name: end.Record.Name, Level: end.Record.Level, Owner: *showReference(&end.Owner), OwnerUsername: textPointer(end.OwnerUsername),
		ExpirationDate: instantOrNull(end.Before), EndsAt: Instant(end.At), Reason: reason,
	}
}
