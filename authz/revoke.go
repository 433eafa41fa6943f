package authz

import (
	"errors"
	"net/http"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/secret"
)

// serveRevoke is the revocation endpoint (RFC 7009). Whoever presents a token
// may end it, so no client authentication is needed; token_type_hint is ignored.
func (s *Server) serveRevoke(w http.ResponseWriter, r *http.Request) {
	form, err := s.readForm(w, r, httpx.FormOptions{})
	if err == nil {
		err = s.revoke(r, form)
	}
	if err != nil {
		s.refuse(w, r, err, doorClient)
		return
	}
	confidential(w.Header())
	w.WriteHeader(http.StatusOK)
}

func (s *Server) revoke(r *http.Request, form httpx.Form) error {
	if !form.Has("token") {
		return errNoToken
	}
	credential, err := clientCredential(r, form)
	if err != nil {
		return err
	}
	if credential != nil {
		if err := s.verifyClient(r, *credential); err != nil {
			return err
		}
	}
	return s.exchanger.Revoke(r.Context(), exchange.TokenCredential(secret.New(form.Get("token"))), httpx.OriginFrom(r.Context()))
}

// verifyClient refuses client credentials that were not proved. A token whose
// secret is right serves even if it has ended, or a client could not revoke
// itself twice; it gives no right that holding the token to revoke does not.
func (s *Server) verifyClient(r *http.Request, credential exchange.Credential) error {
	_, err := s.exchanger.Authenticate(r.Context(), credential, "", httpx.OriginFrom(r.Context()))
	if _, denied := errors.AsType[*exchange.DeniedError](err); denied {
		return nil
	}
	return err
}
