package httpjson

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/egress"
	"github.com/cambio-sts/cambio/internal/secret"
)

const (
	// callTimeout bounds one call, from the look-up of the name to the end of the answer.
	callTimeout = 8 * time.Second
	// maxAnswer is how long an answer may be, in bytes.
	maxAnswer = 64 << 10
	// maxConns bounds the connections to one service.
	maxConns = 32
)

// Config is what a Provider needs; all of it but ExpiryField, HandleField, RevokeURL,
// Allowed and Transport.
type Config struct {
	// URL and RevokeURL are https; or http, and then Allowed has every address that they
	// stand for.
	URL, RevokeURL string
	// Allowed are networks that may be called though they are not public.
	Allowed []netip.Prefix
	// Members maps the names of members to the paths of fields, such as auth.token.
	Members map[string]string
	// ExpiryField is the path of the field with the expiry; empty: that of the JWT.
	ExpiryField string
	// HandleField is the path of the field with the handle; empty: there is none.
	HandleField string
	Now         func() time.Time
	// Transport carries requests; nil: one that connects to what may be called.
	Transport http.RoundTripper
}

// Provider is such a service. It is safe to share.
type Provider struct {
	Config

	names  []string
	issue  caller
	revoke caller

	mu     sync.Mutex
	proofs map[string]proof // by handle
}

// caller calls one URL.
type caller struct {
	url       string
	transport http.RoundTripper
}

// proof is the JWT that something was issued for.
type proof struct {
	token  secret.Text
	expiry time.Time
}

var _ credentials.Provider = (*Provider)(nil)

// New returns a Provider. It calls nobody.
func New(config Config) (*Provider, error) {
	if config.Now == nil || len(config.Members) == 0 {
		return nil, errors.New("clock and members are needed")
	}
	if config.RevokeURL != "" && config.HandleField == "" {
		return nil, errors.New("what is to be revoked has no handle")
	}
	p := &Provider{Config: config, names: slices.Sorted(maps.Keys(config.Members)), proofs: map[string]proof{}}
	var err error
	if p.issue, err = config.caller(config.URL); err != nil {
		return nil, err
	}
	if config.RevokeURL != "" {
		p.revoke, err = config.caller(config.RevokeURL)
	}
	return p, err
}

// caller checks a URL and says who may be called for it.
func (c *Config) caller(of string) (caller, error) {
	to, err := url.Parse(of)
	if err != nil || to.Hostname() == "" || to.Scheme != "https" && to.Scheme != "http" || to.User != nil || to.Fragment != "" {
		return caller{}, errors.New("the URL is none that can be posted to") // err would repeat it
	}
	guard := &egress.Guard{Allowed: c.Allowed, Only: to.Scheme == "http"}
	if addr, err := netip.ParseAddr(to.Hostname()); err == nil {
		if err := guard.Check(addr); err != nil {
			return caller{}, err
		}
	}
	if c.Transport != nil {
		return caller{of, c.Transport}, nil
	}
	transport := guard.Transport()
	transport.MaxConnsPerHost, transport.MaxIdleConns, transport.MaxIdleConnsPerHost = maxConns, maxConns, maxConns
	return caller{of, transport}, nil
}

// Members implements credentials.Provider: the names, sorted.
func (p *Provider) Members() []string { return p.names }

// Issue implements credentials.Provider.
func (p *Provider) Issue(ctx context.Context, grant *credentials.Grant) (credentials.Issued, error) {
	if grant.Assertion == nil {
		return credentials.Issued{}, errors.New("it has no audience to mint a JWT for")
	}
	token, err := grant.Assertion(ctx)
	if err != nil {
		return credentials.Issued{}, err
	}
	body, status, err := p.issue.post(ctx, token, map[string]string{"expires_at": grant.Expiry.UTC().Format(time.RFC3339)})
	if err != nil {
		return credentials.Issued{}, err
	}
	if status != http.StatusOK && status != http.StatusCreated {
		return credentials.Issued{}, fmt.Errorf("the service answered %d", status)
	}
	issued, err := p.read(body, grant.Expiry)
	if err != nil {
		p.takeBack(ctx, token, body)
		return credentials.Issued{}, err
	}
	if p.RevokeURL != "" {
		p.remember(issued.Handle, proof{token, grant.Expiry})
	}
	return issued, nil
}

// takeBack revokes what an answer tells of that is no right one, if it can.
func (p *Provider) takeBack(ctx context.Context, token secret.Text, answer []byte) {
	document, err := parse(answer)
	if err != nil || p.RevokeURL == "" {
		return
	}
	if handle, err := textAt(document, p.HandleField); err == nil && handle != "" {
		_, _, _ = p.revoke.post(ctx, token, map[string]string{"handle": handle}) // the error that counts is known
	}
}

// Revoke implements credentials.Provider.
func (p *Provider) Revoke(ctx context.Context, handle string) error {
	proved, ok := p.proofOf(handle)
	if !ok {
		return credentials.ErrIrrevocable
	}
	_, status, err := p.revoke.post(ctx, proved.token, map[string]string{"handle": handle})
	if err != nil {
		return err
	}
	if status/100 != 2 && status != http.StatusNotFound && status != http.StatusGone {
		return fmt.Errorf("the service answered %d", status)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.proofs, handle)
	return nil
}

// remember keeps what revokes, and forgets what has expired.
func (p *Provider) remember(handle string, of proof) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.Now()
	maps.DeleteFunc(p.proofs, func(_ string, old proof) bool { return !now.Before(old.expiry) })
	p.proofs[handle] = of
}

func (p *Provider) proofOf(handle string) (proof, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.proofs[handle]
	return found, ok && p.Now().Before(found.expiry)
}

// post sends a JSON object and reads the answer. Its error holds neither the URL, which may be
// a capability, nor the JWT, nor anything of the answer.
func (c *caller) post(ctx context.Context, token secret.Text, of map[string]string) (answer []byte, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	body, err := json.Marshal(of)
	if err != nil {
		return nil, 0, fmt.Errorf("write the request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, 0, errors.New("the URL is none") // it was one at the start
	}
	request.Header.Set("Authorization", "Bearer "+token.Reveal())
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "cambio")
	got, err := c.transport.RoundTrip(request) // a client would follow redirects
	if err != nil {
		return nil, 0, fmt.Errorf("call the service: %w", plain(err))
	}
	defer func() { _ = got.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(got.Body, maxAnswer+1))
	if err != nil {
		return nil, 0, fmt.Errorf("read the answer: %w", plain(err))
	}
	if len(answer) > maxAnswer {
		return nil, 0, errors.New("the answer is too long")
	}
	return answer, got.StatusCode, nil
}

// errUnreadable is an answer that is not HTTP.
var errUnreadable = errors.New("its answer cannot be read")

// plain is err, unless it might quote the answer.
func plain(err error) error {
	_, network := errors.AsType[*net.OpError](err)
	_, name := errors.AsType[*net.DNSError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	timeout := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	if network || name || certificate || timeout || errors.Is(err, io.EOF) {
		return err
	}
	return errUnreadable
}
