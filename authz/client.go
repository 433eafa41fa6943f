package authz

import (
	"errors"
	"net/http"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/secret"
)

// clientCredential returns the client credential of a request, by Basic or in
// the form, not yet verified; nil when there is none, and a bare client_id is
// none. One that is malformed, or of a scheme that proves nothing here, comes
// back as the zero Credential: it fails in the pipeline like a wrong one, and is
// counted and recorded there. Ambiguous credentials are an error (RFC 6749 §2.3).
func clientCredential(r *http.Request, form httpx.Form) (*exchange.Credential, error) {
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		return nil, errClientAssertion
	}
	user, password, basic, err := httpx.BasicCredentials(r)
	inHeader, inBody := len(r.Header["Authorization"]) > 0, form.Has("client_secret")
	switch {
	case errors.Is(err, httpx.ErrAuthorizationRepeated), inHeader && inBody:
		return nil, errTwoCredentials
	case basic && err == nil && form.Has("client_id") && form.Get("client_id") != user:
		return nil, errClientMismatch
	case basic && err == nil:
		credential := exchange.BasicCredential(user, password)
		return &credential, nil
	case inHeader:
		return &exchange.Credential{}, nil
	case inBody:
		credential := exchange.BasicCredential(form.Get("client_id"), secret.New(form.Get("client_secret")))
		return &credential, nil
	}
	return nil, nil
}
