package authz

import (
	"errors"
	"net/http"
	"slices"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// userinfo is what an owner's JWT may learn of them (OpenID Connect Core 1.0
// §5.3.2); all but the subject by scope profile.
type userinfo struct {
	Subject           string `json:"sub"`
	Name              string `json:"name,omitempty"`
	PreferredUsername string `json:"preferred_username,omitempty"`
	Email             string `json:"email,omitempty"`
}

// serveUserinfo is the userinfo endpoint. It takes a JWT for any audience, in
// the Authorization header only.
func (s *Server) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	principal, err := s.bearer(w, r)
	if err == nil && !slices.Contains(principal.Scope, pat.ScopeOpenID) {
		err = errNoOpenID
	}
	if err != nil {
		s.refuse(w, r, err, doorBearer)
		return
	}
	info := userinfo{Subject: principal.JWT.Subject}
	if slices.Contains(principal.Scope, pat.ScopeProfile) {
		owner := &principal.Identity
		info.Name, info.PreferredUsername, info.Email = owner.DisplayName, owner.Username, owner.Email
	}
	writeJSON(w, http.StatusOK, encode(&info))
}

// bearer authenticates by the JWT in the Authorization header.
func (s *Server) bearer(w http.ResponseWriter, r *http.Request) (*exchange.Principal, error) {
	if err := httpx.CheckQuery(r.URL.RawQuery, s.looksSecret); err != nil {
		return nil, s.exposed(r, errNoBearer) // never accepted there, so none was sent (RFC 6750 §2.3)
	}
	if r.Method == http.MethodPost && r.ContentLength != 0 {
		form, err := s.readForm(w, r, httpx.FormOptions{})
		if err != nil {
			return nil, err
		}
		if form.Has("access_token") {
			return nil, errBodyToken
		}
	}
	token, present, err := httpx.BearerToken(r)
	switch {
	case errors.Is(err, httpx.ErrAuthorizationRepeated):
		return nil, errTwoCredentials
	case err != nil:
		return nil, keys.ErrInvalid
	case !present:
		return nil, errNoBearer
	}
	return s.exchanger.AuthenticateJWT(r.Context(), token.Reveal(), nil, httpx.OriginFrom(r.Context()))
}
