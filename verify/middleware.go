package verify

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Requirement is what a token must allow besides being valid.
type Requirement struct{ scopes []string }

// Require demands that a token holds every one of scopes, compared byte for
// byte. Without any it demands nothing.
func Require(scopes ...string) Requirement { return Requirement{scopes} }

// Check fails with an *Error that wraps ErrInsufficientScope and names all that
// the requirements demand, unless claims hold it.
func Check(claims *Claims, requirements ...Requirement) error {
	var scopes []string
	missing := false
	for _, requirement := range requirements {
		for _, scope := range requirement.scopes {
			scopes = append(scopes, scope)
			missing = missing || !claims.HasScope(scope)
		}
	}
	if missing {
		return insufficientScope(scopes)
	}
	return nil
}

// claimsKey is where a context holds claims.
type claimsKey struct{}

// NewContext returns a context that holds claims, for tests of handlers and for
// doors that are not HTTP.
func NewContext(ctx context.Context, claims *Claims) context.Context {
	return context.WithValue(ctx, claimsKey{}, claims)
}

// FromContext returns the claims of the token that a request was let in by, and
// whether there are any: behind Middleware there are.
func FromContext(ctx context.Context) (*Claims, bool) {
	claims, ok := ctx.Value(claimsKey{}).(*Claims)
	return claims, ok && claims != nil
}

// Middleware lets requests through to next that bring one valid access token in
// one Authorization header (RFC 6750 §2.1) and meet all requirements. next finds
// the claims by FromContext. Others are answered with the challenge of RFC 6750
// §3: 401, also for no token at all; 403 where a scope is lacking; 400 where
// credentials come twice or in the query, which logs keep (RFC 9700 §4.3.2); 503
// with Retry-After where nobody can tell.
func (v *Verifier) Middleware(next http.Handler, requirements ...Requirement) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, err := v.authenticate(r)
		if err == nil {
			err = Check(claims, requirements...)
		}
		if err != nil {
			v.refuse(w, r, refusal(err))
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), claims)))
	})
}

func (v *Verifier) authenticate(r *http.Request) (*Claims, error) {
	if r.URL.Query().Has("access_token") {
		return nil, invalidRequest("an access token is not taken from the query")
	}
	token, err := Bearer(r.Header.Values("Authorization"))
	if err != nil {
		return nil, err
	}
	return v.Verify(r.Context(), token)
}

// Bearer returns the token of the values of an Authorization header (RFC 6750
// §2.1). It fails with an *Error that wraps ErrNoToken if there is none or
// another scheme, and ErrInvalidRequest if there are several, or not exactly one
// token.
func Bearer(values []string) (string, error) {
	switch {
	case len(values) == 0:
		return "", noToken()
	case len(values) > 1:
		return "", invalidRequest("there is more than one Authorization header")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", noToken()
	}
	token = strings.Trim(token, " ")
	if token == "" || strings.ContainsAny(token, " ,\t") {
		return "", invalidRequest("the Authorization header has not exactly one token")
	}
	return token, nil
}

// refuse writes the answer to a request that is not let through.
func (v *Verifier) refuse(w http.ResponseWriter, r *http.Request, why *Error) {
	v.logger.DebugContext(r.Context(), "request refused", "status", why.Status, "reason", why.Error())
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	if challenge := why.Challenge(v.resourceMetadata); challenge != "" {
		header.Set("WWW-Authenticate", challenge)
	}
	if errors.Is(why, ErrUnavailable) {
		header.Set("Retry-After", "1")
	}
	http.Error(w, http.StatusText(why.Status), why.Status)
}
