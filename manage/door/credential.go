package door

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/secret"
)

// What may be wrong with how a credential was sent.
var (
	// ErrNoCredential says that there is none, or none of a scheme that is ours.
	ErrNoCredential = errors.New("no credential was sent")
	// ErrSecretInURI says that one was sent where logs and histories keep it.
	ErrSecretInURI = errors.New("a credential was sent in the query string")
	// ErrTwoCredentials says that there is more than one (RFC 6750 §2).
	ErrTwoCredentials = errors.New("more than one credential was sent")
)

// presented is the one credential of a request: a JWT, or else a token.
type presented struct {
	jwt secret.Text // empty: pat is it
	pat exchange.Credential
}

// credential reads the one credential. One that is malformed proves nothing,
// which the pipeline finds out and counts. ErrNoCredential, ErrTwoCredentials.
func (d *Door) credential(r *http.Request) (presented, error) {
	authorization, private := r.Header["Authorization"], r.Header["Private-Token"]
	switch {
	case len(authorization)+len(private) == 0:
		return presented{}, ErrNoCredential
	case len(authorization)+len(private) > 1, tokenInForm(r):
		return presented{}, ErrTwoCredentials
	case len(private) == 1:
		return presented{pat: exchange.TokenCredential(secret.New(private[0]))}, nil
	}
	user, password, basic, err := httpx.BasicCredentials(r)
	switch {
	case err != nil:
		return presented{}, nil //nolint:nilerr // the zero credential proves nothing
	case basic:
		return presented{pat: exchange.BasicCredential(user, password)}, nil
	}
	token, bearer, err := httpx.BearerToken(r)
	switch {
	case err != nil:
		return presented{}, nil //nolint:nilerr // the zero credential proves nothing
	case !bearer:
		return presented{}, ErrNoCredential // of a scheme that is not ours (RFC 6750 §3.1)
	case d.format.LooksLike(token.Reveal()):
		return presented{pat: exchange.TokenCredential(token)}, nil
	}
	return presented{jwt: token}, nil
}

// tokenInForm reports whether the body is a form with an access_token, the second of the
// ways to send one (RFC 6750 §2.2), which is never accepted. The body can be
// read again.
func tokenInForm(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" || r.ContentLength > httpx.DefaultMaxBytes {
		return false
	}
	var head bytes.Buffer
	_, err = io.CopyN(&head, r.Body, httpx.DefaultMaxBytes)
	rest := r.Body
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head.Bytes()), rest), rest}
	form, _ := url.ParseQuery(head.String()) // what can be read of it
	return (err == nil || errors.Is(err, io.EOF)) && form.Has("access_token")
}
