package verify

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"
)

// Defaults and bounds of options.
const (
	// DefaultLeeway is how far the clocks of this service and of the server may
	// be apart.
	DefaultLeeway = 5 * time.Second
	// MaxLeeway bounds WithLeeway: RFC 9068 §4 speaks of a few minutes.
	MaxLeeway = 2 * time.Minute
	// DefaultStaleIfError is the longest life of a JWT of Cambio: keys older than
	// that verify nothing that is alive, unless the server is reached by others.
	DefaultStaleIfError = 12 * time.Hour
)

// Option changes what New makes.
type Option func(*settings) error

type settings struct {
	httpClient       *http.Client
	now              func() time.Time
	logger           *slog.Logger
	leeway           time.Duration
	stale            time.Duration
	algorithms       []string
	resourceMetadata string
	revocations      Revocations
	feed             *RevocationFeed
	pats             *PATOptions
}

// WithHTTPClient sends requests to the authorization server by client, instead of
// one with a transport of its own. Redirects are not followed either way, and a
// request takes ten seconds at most.
func WithHTTPClient(client *http.Client) Option {
	return func(s *settings) error { s.httpClient = client; return nil }
}

// WithClock takes the time from now instead of time.Now. It is called from
// several goroutines.
func WithClock(now func() time.Time) Option {
	return func(s *settings) error { s.now = now; return nil }
}

// WithLogger logs refreshes of keys that failed, as warnings, and refused
// requests, at debug level, instead of nothing. No token is logged.
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) error { s.logger = logger; return nil }
}

// WithLeeway sets by how much exp, nbf and iat may be off, instead of
// DefaultLeeway: from zero to MaxLeeway.
func WithLeeway(leeway time.Duration) Option {
	return func(s *settings) error {
		if leeway < 0 || leeway > MaxLeeway {
			return fmt.Errorf("leeway %s: use 0 to %s", leeway, MaxLeeway)
		}
		s.leeway = leeway
		return nil
	}
}

// WithStaleIfError sets for how long keys that are no longer fresh are used while
// they cannot be refreshed, instead of DefaultStaleIfError. Beyond it every token
// is refused with ErrUnavailable. It is also how long a signing key that the
// server has revoked may live on here while the server is out of reach.
func WithStaleIfError(limit time.Duration) Option {
	return func(s *settings) error {
		if limit < 0 {
			return fmt.Errorf("stale-if-error %s: use zero or more", limit)
		}
		s.stale = limit
		return nil
	}
}

// WithAlgorithms sets the signature algorithms that are accepted, by their JWS
// names, instead of ES256, RS256, EdDSA and ES384. ES512, RS384, RS512, PS256,
// PS384 and PS512 are known besides; none and symmetric ones are refused.
func WithAlgorithms(names ...string) Option {
	return func(s *settings) error {
		if len(names) == 0 {
			return fmt.Errorf("algorithms: at least one is needed")
		}
		for _, name := range names {
			if methods[name] == nil {
				return fmt.Errorf("algorithm %q is none for public keys", name)
			}
		}
		s.algorithms = slices.Clone(names)
		return nil
	}
}

// WithResourceMetadata names the address of this service's metadata in every
// challenge (RFC 9728 §5.1).
func WithResourceMetadata(address string) Option {
	return func(s *settings) error { s.resourceMetadata = address; return nil }
}

// WithRevocations asks revocations about every token that is otherwise valid.
func WithRevocations(revocations Revocations) Option {
	return func(s *settings) error { s.revocations = revocations; return nil }
}

// AcceptPAT takes a personal access token wherever an access token is taken. It
// is exchanged at the token endpoint that discovery names (RFC 8693) for a JWT of
// this service's audience, which is checked like any other and kept until 70 % of
// its life, under a keyed hash of the personal access token, which itself is not
// kept. A refusal is remembered for one second.
func AcceptPAT(options PATOptions) Option {
	return func(s *settings) error {
		if err := options.complete(); err != nil {
			return err
		}
		s.pats = &options
		return nil
	}
}
