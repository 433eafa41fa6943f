package oauth2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/cambio-sts/cambio/verify/internal/sts"
)

const (
	// margin is how long before its end a JWT is given out no more: x/oauth2
	// takes a token for expired ten seconds early.
	margin = 15 * time.Second
	// pause is how long nobody tries again after an exchange ahead of time failed.
	pause = 5 * time.Second
	// maxPATFile bounds the file of FromFile, in bytes.
	maxPATFile = 4 << 10
)

// PAT returns a personal access token. It is called at each exchange.
type PAT func(ctx context.Context) (string, error)

// Fixed returns token each time.
func Fixed(token string) PAT {
	return func(context.Context) (string, error) { return token, nil }
}

// FromFile reads the token from a file each time, so that whatever rotates it
// writes the file and is done. White space around it is dropped.
func FromFile(path string) PAT {
	return func(context.Context) (string, error) {
		raw, err := os.ReadFile(path) //nolint:gosec // the caller names its own file
		if err != nil {
			return "", err
		}
		if len(raw) > maxPATFile {
			return "", fmt.Errorf("%s is longer than a personal access token", path)
		}
		return strings.TrimSpace(string(raw)), nil
	}
}

// Config says what is exchanged for what.
type Config struct {
	// Issuer is the authorization server's identifier (RFC 8414 §2).
	Issuer string
	// PAT is the personal access token.
	PAT PAT
	// Audience is the identifier of the service that JWTs are for.
	Audience string
	// Scope is what is asked for, separated by spaces. Empty asks for all that
	// the token gives at the service.
	Scope string
	// HTTPClient sends the requests; nil is one of its own. Redirects are not
	// followed, and a request takes ten seconds at most.
	HTTPClient *http.Client
	// Now tells the time; nil is time.Now.
	Now func() time.Time
}

// TokenSource exchanges a personal access token for JWTs. It is safe to share,
// and needs no oauth2.ReuseTokenSource around it.
type TokenSource struct {
	config Config
	client *sts.Client

	mu       sync.Mutex
	endpoint string // as discovered; empty: to be discovered
	token    *oauth2.Token
	renewAt  time.Time // when to exchange ahead of the end
	flight   *flight   // nil unless an exchange is under way
}

var _ oauth2.TokenSource = (*TokenSource)(nil)

// flight is an exchange under way. token and err are set when done is closed.
type flight struct {
	done  chan struct{}
	token *oauth2.Token
	err   error
}

// New returns a token source. It sends nothing yet.
func New(config Config) (*TokenSource, error) {
	if config.Issuer == "" || config.Audience == "" || config.PAT == nil {
		return nil, errors.New("oauth2: issuer, audience and personal access token are needed")
	}
	if config.Now == nil {
		config.Now = time.Now //nolint:forbidigo // the default of an option
	}
	return &TokenSource{config: config, client: sts.NewClient(config.HTTPClient)}, nil
}

// Token returns a JWT that lives for fifteen seconds at least. It blocks only if
// none is at hand, ten seconds for each of two requests at most. It fails with an
// *oauth2.RetrieveError if the authorization server refuses the token. Do not
// change what it returns.
func (s *TokenSource) Token() (*oauth2.Token, error) {
	token, under := s.current()
	if under == nil {
		return token, nil
	}
	<-under.done
	return under.token, under.err
}

// current returns the JWT at hand, or the exchange to wait for.
func (s *TokenSource) current() (*oauth2.Token, *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	usable := s.token != nil && now.Add(margin).Before(s.token.Expiry)
	if usable && now.Before(s.renewAt) {
		return s.token, nil
	}
	if s.flight == nil {
		s.flight = &flight{done: make(chan struct{})}
		go s.renew(s.flight, s.endpoint)
	}
	if usable {
		return s.token, nil
	}
	return nil, s.flight
}

// renew exchanges once. It ends by itself: its requests are bounded.
func (s *TokenSource) renew(f *flight, endpoint string) {
	token, endpoint, err := s.exchange(context.Background(), endpoint)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	now := s.config.Now()
	if err == nil {
		s.endpoint, s.token = endpoint, token
		s.renewAt = now.Add(token.Expiry.Sub(now) / 10 * 7)
	} else {
		s.endpoint, s.renewAt = "", now.Add(pause)
	}
	f.token, f.err = token, err
	close(f.done)
}

// exchange returns a new JWT and the endpoint that gave it.
func (s *TokenSource) exchange(ctx context.Context, endpoint string) (*oauth2.Token, string, error) {
	if endpoint == "" {
		metadata, err := s.client.Discover(ctx, s.config.Issuer)
		if err != nil {
			return nil, "", fmt.Errorf("oauth2: discover the authorization server: %w", err)
		}
		if endpoint = metadata.TokenEndpoint; endpoint == "" {
			return nil, "", errors.New("oauth2: the authorization server has no token endpoint")
		}
	}
	subject, err := s.config.PAT(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("oauth2: get the personal access token: %w", err)
	}
	asked := s.config.Now() // before the request: the token never lives longer than it is taken to
	issued, err := s.client.Exchange(ctx, endpoint, sts.Request{SubjectToken: subject, Audience: s.config.Audience, Scope: s.config.Scope})
	if refused, ok := errors.AsType[*sts.RefusalError](err); ok {
		return nil, "", &oauth2.RetrieveError{ErrorCode: refused.Code, ErrorDescription: refused.Description}
	}
	if err != nil {
		return nil, "", fmt.Errorf("oauth2: %w", err)
	}
	if issued.ExpiresIn == 0 {
		return nil, "", errors.New("oauth2: the authorization server does not say when the token expires")
	}
	return &oauth2.Token{AccessToken: issued.AccessToken, TokenType: "Bearer", Expiry: asked.Add(issued.ExpiresIn)}, endpoint, nil
}
