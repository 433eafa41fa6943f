package login

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/cambio-sts/cambio/internal/fault"
)

const (
	// metadataAge is how long metadata and keys are used before they are read anew: a
	// provider that takes a key back is not believed by it longer than this.
	metadataAge = time.Hour
	// retryPause is how long a failure to read them is remembered, so that a provider
	// that is down is not asked by each who comes.
	retryPause = 2 * time.Second
)

// metadata is what the provider says of itself (OpenID Connect Discovery 1.0 §3).
type metadata struct {
	provider   *oidc.Provider
	keys       oidc.KeySet
	oauth      oauth2.Config
	algorithms []string // of ID tokens, none of them symmetric
	endSession string   // empty: none
	saysIssuer bool     // that its answers tell the issuer (RFC 9207 §3)
	readAt     time.Time
}

// document is the rest of the discovery document.
type document struct {
	JWKS       string   `json:"jwks_uri"`
	EndSession string   `json:"end_session_endpoint"`
	Algorithms []string `json:"id_token_signing_alg_values_supported"`
	AuthMethod []string `json:"token_endpoint_auth_methods_supported"`
	SaysIssuer bool     `json:"authorization_response_iss_parameter_supported"`
}

// discover returns the provider's metadata, read if need be, once for all who wait.
// Errors: fault.ErrUnavailable, ErrProvider.
func (p *Provider) discover(ctx context.Context) (*metadata, error) {
	if known, err := p.remembered(); !errors.Is(err, errUnread) {
		return known, err
	}
	reading := p.flight.DoChan("", func() (any, error) {
		if known, err := p.remembered(); !errors.Is(err, errUnread) { // by who came just before
			return known, err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout) // for the others that wait
		defer cancel()
		return p.remember(p.read(ctx))
	})
	select {
	case <-ctx.Done():
		return nil, unreachable(ctx.Err())
	case read := <-reading:
		known, _ := read.Val.(*metadata)
		return known, read.Err
	}
}

// errUnread says that the provider has to be asked.
var errUnread = errors.New("the metadata is not read yet")

// remembered returns what is known, or what went wrong a moment ago; errUnread.
func (p *Provider) remembered() (*metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.config.Now()
	switch {
	case p.known != nil && now.Sub(p.known.readAt) < metadataAge:
		return p.known, nil
	case p.failure == nil || now.Sub(p.failedAt) >= retryPause:
		return nil, errUnread
	case p.known != nil && errors.Is(p.failure, fault.ErrUnavailable):
		return p.known, nil // as good as it gets
	default:
		return nil, p.failure
	}
}

func (p *Provider) remember(known *metadata, err error) (*metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.known, p.failure = known, nil
		return known, nil
	}
	p.failure, p.failedAt = err, p.config.Now()
	if p.known != nil && errors.Is(err, fault.ErrUnavailable) {
		return p.known, nil
	}
	return nil, err
}

func (p *Provider) read(ctx context.Context) (*metadata, error) {
	readAt := p.config.Now()
	ctx = oidc.ClientContext(ctx, p.client)
	provider, err := oidc.NewProvider(ctx, p.config.Issuer)
	if _, another := errors.AsType[*oidc.IssuerMismatchError](err); another {
		return nil, because(ErrProvider, err)
	}
	if err != nil {
		return nil, unreachable(err)
	}
	var doc document
	if err := provider.Claims(&doc); err != nil {
		return nil, because(ErrProvider, err)
	}
	endpoint := provider.Endpoint()
	if err := errors.Join(
		p.checkEndpoint("authorization_endpoint", endpoint.AuthURL, true), p.checkEndpoint("token_endpoint", endpoint.TokenURL, true),
		p.checkEndpoint("jwks_uri", doc.JWKS, true), p.checkEndpoint("userinfo_endpoint", provider.UserInfoEndpoint(), false),
		p.checkEndpoint("end_session_endpoint", doc.EndSession, false),
	); err != nil {
		return nil, err
	}
	if endpoint.AuthStyle, err = p.authStyle(doc.AuthMethod); err != nil {
		return nil, err
	}
	algorithms, err := asymmetric(doc.Algorithms)
	if err != nil {
		return nil, err
	}
	return &metadata{
		provider: provider, keys: oidc.NewRemoteKeySet(ctx, doc.JWKS), algorithms: algorithms, endSession: doc.EndSession,
		saysIssuer: doc.SaysIssuer, readAt: readAt,
		oauth: oauth2.Config{
			ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret.Reveal(), Endpoint: endpoint,
			RedirectURL: p.config.RedirectURL, Scopes: p.config.Scopes,
		},
	}, nil
}

// hostName is a host that can stand in a Content-Security-Policy as it is.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// checkEndpoint refuses to send codes, secrets and people where others listen. A
// provider on loopback may have endpoints there.
func (p *Provider) checkEndpoint(name, endpoint string, required bool) error {
	if endpoint == "" && !required {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Opaque != "" || strings.Contains(endpoint, "#") {
		return unusable("%s is no URL of a server", name)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	isIP := err == nil && ip.Zone() == ""
	if !isIP && !hostName.MatchString(u.Hostname()) {
		return unusable("%s has an unusual host", name)
	}
	loopback := isIP && ip.IsLoopback() || u.Hostname() == "localhost"
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback || !strings.HasPrefix(p.config.Issuer, "http://")) {
		return unusable("%s is not https", name)
	}
	return nil
}

// authStyle chooses how the client proves itself at the token endpoint, of what the
// provider says it takes (OpenID Connect Core 1.0 §9).
func (p *Provider) authStyle(methods []string) (oauth2.AuthStyle, error) {
	switch {
	case p.config.ClientSecret.Empty():
		return oauth2.AuthStyleInParams, nil // the client id alone
	case len(methods) == 0, slices.Contains(methods, "client_secret_basic"):
		return oauth2.AuthStyleInHeader, nil
	case slices.Contains(methods, "client_secret_post"):
		return oauth2.AuthStyleInParams, nil
	default:
		return 0, unusable("it takes neither client_secret_basic nor client_secret_post")
	}
}

// asymmetric returns those of the algorithms that sign with a key of the provider's
// own. Never none, nor an HMAC, which whoever knows the client's secret could make.
func asymmetric(given []string) ([]string, error) {
	if len(given) == 0 {
		return []string{oidc.RS256}, nil // OpenID Connect Core 1.0 §2
	}
	known := []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
	}
	left := slices.DeleteFunc(slices.Clone(given), func(alg string) bool { return !slices.Contains(known, alg) })
	if len(left) == 0 {
		return nil, unusable("it signs ID tokens with no algorithm that is accepted")
	}
	return left, nil
}
