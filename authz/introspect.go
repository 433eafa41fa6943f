package authz

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/keys"
)

// introspection is the answer to a token that is active and the caller's to know
// (RFC 7662 §2.2).
type introspection struct {
	Active    bool      `json:"active"`
	Scope     string    `json:"scope"`
	ClientID  string    `json:"client_id"`
	Username  string    `json:"username,omitempty"`
	TokenType string    `json:"token_type,omitempty"` // of a JWT; a PAT is no access token of the RFC 6750 kind
	Expiry    *int64    `json:"exp,omitempty"`
	IssuedAt  int64     `json:"iat"`
	Subject   string    `json:"sub,omitempty"`
	Audience  audiences `json:"aud,omitempty"`
	Issuer    string    `json:"iss"`
	JWTID     string    `json:"jti,omitempty"`
}

// inactive is all that is told of any other token.
const inactive = `{"active":false}`

// audiences is a string if it is one, else an array (RFC 7519 §4.1.3).
type audiences []string

// MarshalJSON implements json.Marshaler.
func (a audiences) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// serveIntrospect is the introspection endpoint. token_type_hint is ignored: the
// token itself tells what it is (RFC 7662 §2.1).
func (s *Server) serveIntrospect(w http.ResponseWriter, r *http.Request) {
	form, err := s.readForm(w, r, httpx.FormOptions{})
	if err != nil {
		s.refuse(w, r, err, doorClient)
		return
	}
	caller, at, err := s.caller(r, form)
	if err != nil {
		s.refuse(w, r, err, at)
		return
	}
	found, err := s.introspect(r, caller, form)
	switch {
	case err != nil:
		s.refuse(w, r, err, at)
	case !found.Active:
		writeJSON(w, http.StatusOK, []byte(inactive))
	default:
		writeJSON(w, http.StatusOK, encode(s.describe(&found)))
	}
}

// introspect asks for a token. A caller without the right to know any token is
// told of itself and of its own JWTs; to all else the answer is the same, so it
// does not tell whether a token exists.
func (s *Server) introspect(r *http.Request, caller *exchange.Principal, form httpx.Form) (exchange.Introspection, error) {
	if !form.Has("token") {
		return exchange.Introspection{}, errNoToken
	}
	clientIP := form.Get("client_ip")
	if _, err := netip.ParseAddr(clientIP); err != nil && clientIP != "" {
		return exchange.Introspection{}, errClientIP
	}
	token := exchange.TokenCredential(secret.New(form.Get("token")))
	found, err := s.exchanger.Introspect(r.Context(), caller, token, clientIP, httpx.OriginFrom(r.Context()))
	if err != nil {
		return exchange.Introspection{}, err
	}
	if !found.Own && !s.mayIntrospect(caller) {
		return exchange.Introspection{}, errMayIntrospect
	}
	return found, nil
}

// mayIntrospect reports whether the caller has the right, which belongs to the
// management API: a token that is meant for other services cannot use it.
func (s *Server) mayIntrospect(caller *exchange.Principal) bool {
	meant := len(caller.Token.Audience) == 0 || slices.Contains(caller.Token.Audience, s.exchanger.Services.Management())
	return meant && caller.May(directory.Introspect)
}

// caller authenticates who asks: by client credentials, a Bearer PAT, or a
// Bearer JWT for the management API. The door says how a failure is answered.
func (s *Server) caller(r *http.Request, form httpx.Form) (*exchange.Principal, door, error) {
	ctx, origin := r.Context(), httpx.OriginFrom(r.Context())
	token, bearer, err := httpx.BearerToken(r)
	if !bearer || errors.Is(err, httpx.ErrAuthorizationRepeated) {
		credential, err := clientCredential(r, form)
		if err != nil {
			return nil, doorClient, err
		}
		if credential == nil {
			return nil, doorClient, errNoCaller
		}
		caller, err := s.exchanger.Authenticate(ctx, *credential, "", origin)
		return caller, doorClient, err
	}
	switch {
	case form.Has("client_secret"), form.Has("client_assertion"):
		return nil, doorBearer, errTwoCredentials
	case err != nil:
		return nil, doorBearer, keys.ErrInvalid
	case s.exchanger.Tokens.Format().LooksLike(token.Reveal()):
		caller, err := s.exchanger.Authenticate(ctx, exchange.TokenCredential(token), "", origin)
		return caller, doorBearer, err
	}
	caller, err := s.exchanger.AuthenticateJWT(ctx, token.Reveal(), []string{s.exchanger.Services.Management()}, origin)
	return caller, doorBearer, err
}

// describe tells what there is to tell of an active token.
func (s *Server) describe(found *exchange.Introspection) *introspection {
	answer := &introspection{
		Active: true, Scope: found.Scope, ClientID: string(found.Token.ID), Username: found.Owner.Username,
		Expiry: unixOrNil(found.Expiry), IssuedAt: found.Token.Created.Unix(),
		Subject: found.Subject, Audience: found.Audience, Issuer: s.exchanger.Issuer,
	}
	if claims := found.Claims; claims != nil {
		answer.TokenType, answer.JWTID, answer.IssuedAt = tokenTypeBearer, claims.ID, claims.IssuedAt.Unix()
	}
	return answer
}

func unixOrNil(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	seconds := t.Unix()
	return &seconds
}
