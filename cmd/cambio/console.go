package main

import (
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/console"
	"github.com/cambio-sts/cambio/console/login"
	"github.com/cambio-sts/cambio/console/session"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
)

// console builds the pages.
func (n *node) console(manager *manage.Manager, texts []api.Catalogue) (*console.Console, error) {
	provider, err := n.login()
	if err != nil {
		return nil, err
	}
	return console.New(console.Config{
		Manager: manager, Words: api.NewWords(texts...), Kept: kept(n.store), Issuer: n.config.Issuer, Audience: n.config.Token.DefaultAudience,
		Idle: n.config.Console.Idle, Lifetime: n.config.Console.Lifetime, Failures: n.exchanger.Throttle, Login: provider, Now: time.Now, Logger: n.logger, Dev: n.dev,
	})
}

// maxBegun is of how many networks it is remembered how many logins they began.
const maxBegun = 1 << 13

// login is how people sign in by an OpenID provider; nil if none is configured. The
// provider is asked at the first login: without it tokens are exchanged all the same.
func (n *node) login() (*console.Login, error) {
	c := &n.config.Login
	if !c.Enabled() {
		return nil, nil //nolint:nilnil // there need not be one
	}
	var clientSecret secret.Text
	if c.ClientSecretFile != "" {
		text, err := os.ReadFile(c.ClientSecretFile)
		if err != nil {
			return nil, &cli.Error{Code: "login_secret", Cause: err.Error(), Fix: "point login.clientSecretFile at a file that the server may read", Exit: cli.ExitRefused}
		}
		clientSecret = secret.New(strings.TrimSpace(string(text)))
	}
	provider, err := login.New(login.Config{
		Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: clientSecret, RedirectURL: n.config.Issuer + console.CallbackPath,
		PostLogoutURL: n.config.Issuer + console.LoggedOutPath, Scopes: c.Scopes, Claim: c.Claim, GroupsClaim: c.GroupsClaim, Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	issuer, err := url.Parse(c.Issuer)
	if err != nil {
		return nil, err
	}
	begun, err := throttle.New(throttle.Config{MaxEntries: maxBegun, Now: time.Now})
	if err != nil {
		return nil, err
	}
	return &console.Login{
		Begun: countedThrottle{begun, n.metrics, limitLogins}, Provider: provider, Name: issuer.Host, Origin: issuer.Scheme + "://" + issuer.Host, Organization: c.Organization,
		Rules: manage.SignInRules{CreateUnknown: c.CreateUnknown, SyncGroups: c.GroupsClaim != "", Groups: c.Groups},
	}, nil
}

// kept is where the sessions of the console lie: with everything else.
func kept(s store) session.Store {
	switch db := s.(type) {
	case *redis.DB:
		return db.Kept()
	case *bolt.DB:
		return db.Kept()
	default:
		return nil
	}
}

// loginOrganization is where people log in first; empty if they do not.
func (n *node) loginOrganization() string {
	if !n.config.Login.Enabled() {
		return ""
	}
	return n.config.Login.Organization
}
