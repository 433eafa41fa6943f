package forwardauth

import (
	"errors"
	"net/http"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/secret"
)

// What may be wrong with how a credential was sent.
var (
	errNoCredential   = errors.New("no credential was sent")
	errTwoCredentials = errors.New("more than one credential was sent") // RFC 6750 §2
	errSecretInURI    = errors.New("a credential was sent in the query string")
)

// credentialOf reads the one credential. One that is malformed proves nothing, which the
// pipeline finds out and counts. errNoCredential, errTwoCredentials.
func credentialOf(r *http.Request) (exchange.Credential, error) {
	authorization, private := r.Header["Authorization"], r.Header["Private-Token"]
	switch {
	case len(authorization)+len(private) == 0:
		return exchange.Credential{}, errNoCredential
	case len(authorization)+len(private) > 1:
		return exchange.Credential{}, errTwoCredentials
	case len(private) == 1:
		return exchange.TokenCredential(secret.New(private[0])), nil
	}
	user, password, basic, err := httpx.BasicCredentials(r)
	switch {
	case err != nil:
		return exchange.Credential{}, nil //nolint:nilerr // the zero credential proves nothing
	case basic:
		return exchange.BasicCredential(user, password), nil
	}
	token, bearer, err := httpx.BearerToken(r)
	switch {
	case err != nil:
		return exchange.Credential{}, nil //nolint:nilerr // the zero credential proves nothing
	case !bearer:
		return exchange.Credential{}, errNoCredential // of a scheme that is not ours
	}
	return exchange.TokenCredential(token), nil
}
