package login

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/cambio-sts/cambio/internal/secret"
)

// Config is what a Provider needs.
type Config struct {
	Issuer       string      // byte for byte as the provider's metadata says; required
	ClientID     string      // required
	ClientSecret secret.Text // empty: a public client
	RedirectURL  string      // where the browser comes back to; required
	// PostLogoutURL is where it comes back to after a logout; empty: the provider
	// decides.
	PostLogoutURL string
	Scopes        []string         // openid, profile, email; openid is among them
	Claim         string           // whose value is Person.Key; sub
	GroupsClaim   string           // whose values are Person.Groups; empty: none
	HTTPClient    *http.Client     // none; a timeout above 5 s is cut, redirects are never followed
	Now           func() time.Time // required
}

// Provider is an OpenID provider as the console relies on it. It is safe to share.
type Provider struct {
	config Config
	client *http.Client
	flight singleflight.Group

	mu       sync.Mutex
	known    *metadata
	failure  error // of the last attempt to read the metadata
	failedAt time.Time
}

// New returns a Provider. It asks the provider nothing yet.
func New(config Config) (*Provider, error) {
	if config.Issuer == "" || config.ClientID == "" || config.RedirectURL == "" || config.Now == nil {
		return nil, errors.New("login: issuer, client id, redirect URL and clock are needed")
	}
	if len(config.Scopes) == 0 {
		config.Scopes = []string{"openid", "profile", "email"}
	}
	if !slices.Contains(config.Scopes, "openid") {
		return nil, errors.New("login: the scope openid is needed")
	}
	config.Claim = cmp.Or(config.Claim, claimSubject)
	return &Provider{config: config, client: bounded(config.HTTPClient)}, nil
}
