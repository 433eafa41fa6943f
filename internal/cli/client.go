package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	dialTimeout    = 5 * time.Second
	requestTimeout = 30 * time.Second
	// maxWait is the longest that a command waits when it is told to slow down.
	maxWait = 10 * time.Second
	// maxAnswer is the greatest size of an answer, in bytes.
	maxAnswer = 32 << 20
)

const (
	contentForm  = "application/x-www-form-urlencoded"
	contentJSON  = "application/json"
	contentPatch = "application/json-patch+json"
)

// apiRoot is where the paths of the management API begin.
const apiRoot = "/api/v1"

// request is one request of the API; its path begins at the server's root.
type request struct {
	method, path string
	query        url.Values
	content      string // type of the body
	ifMatch      string // entity tag of what was read (RFC 9110 §13.1.1)
	body         []byte
	// anonymous leaves the Authorization header out: the form holds the token.
	anonymous bool
	// patient waits for an answer as long as it takes.
	patient bool
}

// answer is a 2xx answer. The body is JSON, or empty if the status is 204.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// client sends requests with one token to one server.
type client struct {
	base  *url.URL
	http  *http.Client
	token credential
	now   func() time.Time
}

// newTransport returns a transport that trusts the authorities in caFile alone,
// or the system's if there is none.
func newTransport(caFile string) (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile) //nolint:gosec // the user names it
		if err != nil {
			return nil, unreadable(caFile, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage("the file "+quote(caFile)+" holds no certificate in PEM form", "name the certificate of the authority that signed the server's")
		}
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: requestTimeout,
		ForceAttemptHTTP2:     true,
	}, nil
}

func newClient(base *url.URL, transport http.RoundTripper, token credential, now func() time.Time) *client {
	return &client{
		base: base, token: token, now: now,
		http: &http.Client{
			Transport: transport,
			Timeout:   requestTimeout,
			// A redirect would carry the token to wherever it points.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// send sends r, once more if it is told to wait no longer than maxWait: what was
// answered with 429 was not done. All errors are Errors, but for those of ctx.
func (c *client) send(ctx context.Context, r request) (answer, error) {
	a, err := c.try(ctx, r)
	if err == nil && a.status == http.StatusTooManyRequests {
		if wait, ok := c.retryAfter(a.header); ok && wait <= maxWait {
			if err := sleep(ctx, wait); err != nil {
				return answer{}, err
			}
			a, err = c.try(ctx, r)
		}
	}
	switch {
	case err != nil:
		return answer{}, err
	case a.status < 200 || a.status > 299:
		return answer{}, c.refusal(a)
	case a.status != http.StatusNoContent && !json.Valid(a.body):
		return answer{}, c.unexpected("the answer is no JSON")
	}
	return a, nil
}

func sleep(ctx context.Context, span time.Duration) error {
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// retryAfter reads Retry-After (RFC 9110 §10.2.3).
func (c *client) retryAfter(header http.Header) (time.Duration, bool) {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(text)
	return max(0, at.Sub(c.now())), err == nil
}

// try sends r once.
func (c *client) try(ctx context.Context, r request) (answer, error) {
	target := c.base.JoinPath(r.path)
	target.RawQuery = r.query.Encode()
	sent, err := http.NewRequestWithContext(ctx, r.method, target.String(), bytes.NewReader(r.body))
	if err != nil {
		return answer{}, c.unreachable(err)
	}
	sent.Header.Set("Accept", contentJSON)
	sent.Header.Set("User-Agent", "cambio/"+thisBuild().Version)
	for name, value := range map[string]string{"Content-Type": r.content, "If-Match": r.ifMatch} {
		if value != "" {
			sent.Header.Set(name, value)
		}
	}
	if !r.anonymous {
		sent.Header.Set("Authorization", "Bearer "+c.token.text.Reveal())
	}
	client := c.http
	if r.patient {
		client = c.patient()
	}
	got, err := client.Do(sent)
	if err != nil {
		return answer{}, c.unreachable(err)
	}
	defer func() { _ = got.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer+1))
	if err != nil {
		return answer{}, c.unreachable(err)
	}
	if len(body) > maxAnswer {
		return answer{}, c.unexpected("the answer is larger than 32 MiB")
	}
	return answer{got.StatusCode, got.Header, body}, nil
}

// patient is the client without its limits on the time of an answer.
func (c *client) patient() *http.Client {
	patient := *c.http
	patient.Timeout = 0
	if transport, ok := patient.Transport.(*http.Transport); ok {
		transport = transport.Clone()
		transport.ResponseHeaderTimeout, transport.DisableKeepAlives = 0, true
		patient.Transport = transport
	}
	return &patient
}

// unexpected is an answer that a Cambio server does not give.
func (c *client) unexpected(cause string) *Error {
	return &Error{Code: "unexpected_answer", Cause: cause, Fix: "check that " + c.base.String() + " is a Cambio server, of the version of this command or near it"}
}

// form returns a request of an OAuth endpoint.
func form(path string, values url.Values) request {
	return request{method: http.MethodPost, path: path, content: contentForm, body: []byte(values.Encode())}
}

// unreachable says why there was no answer. An interrupt is no Error.
func (c *client) unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	e := &Error{Code: "unreachable", Cause: c.base.Host + ": " + err.Error(), Exit: ExitUnreachable}
	for _, known := range troubles() {
		if known.is(err) {
			e.Code, e.Fix = known.code, strings.ReplaceAll(known.fix, "SERVER", c.base.Host)
			break
		}
	}
	return e
}
