package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// endTimeout bounds the end of tokens, which outlives the client that asked for
// it: what is begun is brought to its end, children and technical user too.
const endTimeout = 10 * time.Second

// RevokePersonalAccessToken ends a token.
func (s server) RevokePersonalAccessToken(w http.ResponseWriter, r *http.Request, text string, params RevokePersonalAccessTokenParams) {
	shown, err := s.revoke(w, r, text, orZero(params.Cascade))
	s.respond(w, r, shown, err)
}

func (s server) revoke(w http.ResponseWriter, r *http.Request, text string, cascade bool) (*PersonalAccessToken, error) {
	ctx := r.Context()
	who := callerFrom(ctx)
	record, err := s.endable(ctx, who, text)
	if err != nil {
		return nil, err
	}
	var body RevokeRequest
	if err := decode(w, r, typeJSON, true, &body); err != nil {
		return nil, err
	}
	reason, err := knownReason(body.Reason)
	if err != nil {
		return nil, err
	}
	// An administrator's revocation of a group's or an organization's token can
	// be undone; whoever gives up a token of their own means it.
	end := pat.End{Reason: reason, Cascade: cascade, Reversible: !who.owns(record)}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	after, _, err := s.tokens.Revoke(ctx, record, end, who.actor())
	if err != nil {
		return nil, err
	}
	return s.show(ctx, who, &after)
}

// endable returns the token of an id if the caller may revoke it.
func (s server) endable(ctx context.Context, who *caller, text string) (*pat.Record, error) {
	if err := who.needEnding(); err != nil {
		return nil, err
	}
	record, err := s.seen(ctx, who, text)
	switch {
	case err != nil:
		return nil, err
	case who.administers(), who.owns(record) && who.May(directory.ManageMyTokens):
		return record, nil
	default: // seen by a right to read; who only lacks the scope was refused above
		return nil, lacksRole(directory.AdministerNonInteractiveUser)
	}
}

// DeletePersonalAccessToken removes a token.
func (s server) DeletePersonalAccessToken(w http.ResponseWriter, r *http.Request, text string) {
	if err := s.remove(r.Context(), text); err != nil {
		s.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s server) remove(ctx context.Context, text string) error {
	who := callerFrom(ctx)
	if err := who.needDeleting(); err != nil {
		return err
	}
	record, err := s.seen(ctx, who, text)
	if err != nil {
		return err
	}
	if !who.owns(record) {
		if err := who.need(directory.ManageAllTokens); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err := s.tokens.Delete(ctx, record, who.actor()); err != nil {
		return err
	}
	return s.removeTechnicalUser(ctx, who, record)
}

// removeTechnicalUser removes the owner that was made with a group's or an
// organization's token.
func (s server) removeTechnicalUser(ctx context.Context, who *caller, record *pat.Record) error {
	if record.Level == pat.Personal {
		return nil
	}
	owner := directory.Identity{ID: record.Owner, Organization: record.Organization}
	err := s.directory.DeleteIdentity(ctx, &owner, directory.Actor{ID: who.Identity.ID, Origin: who.origin})
	if err != nil && !errors.Is(err, directory.ErrNotFound) {
		return fmt.Errorf("delete the technical user of a token: %w", err)
	}
	return nil
}
