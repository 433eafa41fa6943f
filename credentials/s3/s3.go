package s3

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/egress"
)

const (
	// callTimeout bounds one Issue, with what is tried again.
	callTimeout = 8 * time.Second
	// attempts is how often it is tried in that time: again after throttling, an answer of
	// 5xx, a connection that was lost, and a store that did not reach the issuer's keys.
	attempts = 2
	// backoff is the pause before it is tried again.
	backoff = 200 * time.Millisecond
	// maxConns bounds the connections to one store.
	maxConns = 32
)

// Lifetime says who decides how long keys live.
type Lifetime int

const (
	// Requested asks for the life of the access token: at least minDuration, which is the
	// shortest that AWS and Ceph issue, so that keys beside a shorter access token outlive
	// it, and at most maxDuration. Keys that live longer than was asked for are
	// not handed out.
	Requested Lifetime = iota
	// ByServer leaves it to the store. MinIO ends keys with the JWT.
	ByServer
)

const (
	minDuration = 15 * time.Minute // of AssumeRoleWithWebIdentity
	maxDuration = time.Hour        // the shortest that a role's MaxSessionDuration can be
)

// defaultSessionName is what a session is called unless the configuration says otherwise. The
// store's own log tells by it which token was used.
const defaultSessionName = "pat-{{pat_id}}"

// Config is what a Provider needs: Endpoint or Region, and RoleARN unless there is an Endpoint.
type Config struct {
	// Endpoint is the URL of the token service: https, or http and then Allowed has every
	// address that it stands for; empty: that of AWS in Region.
	Endpoint string
	// Region of AWS, such as eu-central-1.
	Region string
	// Allowed are networks that may be called though they are not public.
	Allowed []netip.Prefix
	// RootCAs are the authorities that the endpoint's certificate may be of; nil: the system's.
	RootCAs *x509.CertPool
	// RoleARN is the template of the role; empty: the store takes the role's policy from the JWT.
	RoleARN string
	// SessionName is the template of RoleSessionName; empty: the token's id.
	SessionName string
	// Policy is the template of a policy in JSON that narrows the role's; empty: none.
	Policy string

	Lifetime Lifetime
	// Transport carries requests; nil: one that connects to what may be called.
	Transport http.RoundTripper
}

// Provider is such a token service. It is safe to share.
type Provider struct {
	client   *sts.Client
	lifetime Lifetime

	role, session credentials.Template
	policy        credentials.JSONTemplate
	hasPolicy     bool
}

var _ credentials.Provider = (*Provider)(nil)

var (
	region      = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+){1,5}$`)
	roleARN     = regexp.MustCompile(`^arn:[\w+=/,.@:{}*-]{1,1000}$`) // as a template
	sessionText = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)            // of AssumeRole
)

// New returns a Provider. It calls nobody. Its errors tell no value.
func New(config Config) (*Provider, error) {
	p := &Provider{lifetime: config.Lifetime}
	if err := p.parse(&config); err != nil {
		return nil, err
	}
	transport, err := config.transport()
	if err != nil {
		return nil, err
	}
	options := sts.Options{
		Region: config.Region, Credentials: aws.AnonymousCredentials{}, HTTPClient: &caller{transport},
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = attempts
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return backoff, nil })
		}),
	}
	if config.Endpoint != "" {
		options.BaseEndpoint = aws.String(strings.TrimSuffix(config.Endpoint, "/"))
		if options.Region == "" {
			options.Region = "us-east-1" // the SDK asks for one; nothing is signed for it
		}
	}
	p.client = sts.New(options)
	return p, nil
}

// parse reads what is filled in with claims.
func (p *Provider) parse(config *Config) error {
	if config.Region == "" && config.Endpoint == "" || config.Region != "" && !region.MatchString(config.Region) {
		return errors.New("an endpoint, or a region of AWS such as eu-central-1, is needed")
	}
	if config.RoleARN == "" && config.Endpoint == "" {
		return errors.New("AWS needs a role")
	}
	if config.RoleARN != "" && !roleARN.MatchString(config.RoleARN) {
		return errors.New("the role is no ARN, such as arn:aws:iam::123456789012:role/ci")
	}
	if config.SessionName == "" {
		config.SessionName = defaultSessionName
	}
	var err error
	if p.role, err = credentials.ParseTemplate(config.RoleARN); err != nil {
		return errors.Join(errors.New("the role"), err)
	}
	if p.session, err = credentials.ParseTemplate(config.SessionName); err != nil {
		return errors.Join(errors.New("the name of the session"), err)
	}
	if config.Policy == "" {
		return nil
	}
	p.hasPolicy = true
	if p.policy, err = credentials.ParseJSON(config.Policy); err != nil {
		return errors.Join(errors.New("the policy"), err)
	}
	return nil
}

// transport checks the endpoint and says who may be called for it.
func (c *Config) transport() (http.RoundTripper, error) {
	guard := &egress.Guard{Allowed: c.Allowed}
	if c.Endpoint != "" {
		to, err := url.Parse(c.Endpoint)
		if err != nil || to.Hostname() == "" || to.Scheme != "https" && to.Scheme != "http" || to.User != nil || to.RawQuery != "" || to.Fragment != "" {
			return nil, errors.New("the endpoint is none that can be posted to") // err would repeat it
		}
		guard.Only = to.Scheme == "http"
		if addr, err := netip.ParseAddr(to.Hostname()); err == nil {
			if err := guard.Check(addr); err != nil {
				return nil, err
			}
		}
	}
	if c.Transport != nil {
		return c.Transport, nil
	}
	transport := guard.Transport()
	transport.TLSClientConfig.RootCAs = c.RootCAs
	transport.MaxConnsPerHost, transport.MaxIdleConns, transport.MaxIdleConnsPerHost = maxConns, maxConns, maxConns
	return transport, nil
}

// Members implements credentials.Provider.
func (p *Provider) Members() []string {
	return []string{"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_credentials_expiration"}
}

// Revoke implements credentials.Provider. There is no such thing.
func (p *Provider) Revoke(context.Context, string) error { return credentials.ErrIrrevocable }
