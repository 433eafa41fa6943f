package api

import (
	"net/http"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// ListPersonalAccessTokens answers with a page of tokens.
func (s server) ListPersonalAccessTokens(w http.ResponseWriter, r *http.Request, params ListPersonalAccessTokensParams) {
	who := callerFrom(r.Context())
	var owner directory.ID
	var err error
	if params.OwnerID != nil {
		owner, err = who.Owner(*params.OwnerID) // before the right: no right makes it an id
	}
	var page manage.Page[*manage.Token]
	if err == nil {
		list := listParams{params.Limit, params.Offset, params.Count, params.Filters, params.Sorters}
		page, err = s.manager.Tokens(r.Context(), who, owner, list.of(manage.TokenColumns()))
	}
	respondPage(s.API, w, r, params.Count, page, showToken, err)
}

// GetPersonalAccessToken answers with one token.
func (s server) GetPersonalAccessToken(w http.ResponseWriter, r *http.Request, id ID) {
	token, err := s.manager.Token(r.Context(), callerFrom(r.Context()), id)
	respondTagged(s.API, w, r, token, showToken, err)
}

// CreatePersonalAccessToken makes a token for the caller's owner.
func (s server) CreatePersonalAccessToken(w http.ResponseWriter, r *http.Request) {
	token, shown, err := s.manager.CreateToken(r.Context(), callerFrom(r.Context()), body(w, r, required, (*PersonalAccessTokenDraft).draft))
	respondTagged(s.API, w, r, shown, withSecret(token), err)
}

// PatchPersonalAccessToken changes a token of the caller's.
func (s server) PatchPersonalAccessToken(w http.ResponseWriter, r *http.Request, id ID, params PatchPersonalAccessTokenParams) {
	who := callerFrom(r.Context())
	token, err := s.manager.UpdateToken(r.Context(), who, id, matching(params.IfMatch), tokenChange(w, r, who.Policy.DefaultScopes))
	respondTagged(s.API, w, r, token, showToken, err)
}

// RotatePersonalAccessToken gives a token of the caller's a new secret.
func (s server) RotatePersonalAccessToken(w http.ResponseWriter, r *http.Request, id ID, params RotatePersonalAccessTokenParams) {
	how := body(w, r, optional, (*RotateRequest).rotation)
	token, shown, err := s.manager.RotateToken(r.Context(), callerFrom(r.Context()), id, matching(params.IfMatch), how)
	respondTagged(s.API, w, r, shown, withSecret(token), err)
}

// RevokePersonalAccessToken ends a token.
func (s server) RevokePersonalAccessToken(w http.ResponseWriter, r *http.Request, id ID, params RevokePersonalAccessTokenParams) {
	token, err := s.manager.RevokeToken(r.Context(), callerFrom(r.Context()), id, matching(params.IfMatch), ending(w, r, params.Cascade))
	respondTagged(s.API, w, r, token, showToken, err)
}

// DeletePersonalAccessToken removes a token.
func (s server) DeletePersonalAccessToken(w http.ResponseWriter, r *http.Request, id ID, params DeletePersonalAccessTokenParams) {
	s.respondDone(w, r, s.manager.DeleteToken(r.Context(), callerFrom(r.Context()), id, matching(params.IfMatch)))
}
