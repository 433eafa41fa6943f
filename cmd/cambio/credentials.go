package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/credentials/httpjson"
	"github.com/cambio-sts/cambio/credentials/s3"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
)

// sweepEvery is how soon credentials end that a provider lists and that have expired, or
// whose token has ended when the process that issued them was gone.
const sweepEvery = 30 * time.Second

// openCredentials opens the providers of what the scope credentials stands for.
func (n *node) openCredentials() error {
	var registered []credentials.Registered
	for i := range n.config.Credentials {
		one, err := n.provider(&n.config.Credentials[i])
		if err != nil {
			return describeProvider(i, err)
		}
		registered = append(registered, one)
	}
	var err error
	n.credentials, err = credentials.New(credentials.Config{
		Providers: registered, Audit: n.sink, Now: time.Now, Logger: n.logger,
		Alive: func(ctx context.Context, holder credentials.Holder) (bool, error) {
			return n.exchanger.CredentialsAlive(ctx, holder)
		},
	})
	if err != nil {
		return &cli.Error{Code: codeCredentials, Cause: err.Error(), Fix: "give each provider a name and a prefix of its own", Exit: cli.ExitRefused}
	}
	return nil
}

const codeCredentials = "credentials"

func describeProvider(i int, err error) error {
	return &cli.Error{
		Code: codeCredentials, Cause: fmt.Sprintf("credentials[%d]: %v", i, err),
		Fix: "mend the provider; docs/credentials.md has the templates, docs/configuration.md the keys", Exit: cli.ExitRefused,
	}
}

// associated is what the exchange asks for credentials; nothing if there are no providers.
func (n *node) associated() exchange.Associated {
	if len(n.config.Credentials) == 0 {
		return nil
	}
	return n.credentials
}

// provider is one as the configuration describes it.
func (n *node) provider(from *config.Credential) (credentials.Registered, error) {
	out := credentials.Registered{
		Name: from.Name, Prefix: from.Prefix, Audience: from.Audience, Alg: from.Alg, Organizations: from.Organizations, Groups: from.Groups,
		Claims: map[string]credentials.Template{},
	}
	for _, name := range slices.Sorted(maps.Keys(from.Claims)) {
		if keys.TakenClaim(name) {
			return out, fmt.Errorf("claims: %q is a claim that the JWT has by itself, or that means something to who verifies it", name)
		}
		template, err := credentials.ParseTemplate(from.Claims[name])
		if err != nil {
			return out, fmt.Errorf("claims: %q: %w", name, err)
		}
		out.Claims[name] = template
	}
	var err error
	switch { // config lets exactly one kind through
	case from.HTTP != nil:
		out.Provider, err = httpProvider(from.HTTP)
	case from.S3 != nil:
		out.Provider, err = s3Provider(from.S3)
	case from.Postgres != nil:
		out.Provider, err = n.postgresProvider(from.Name, from.Postgres)
	default:
		err = errors.New("no kind")
	}
	return out, err
}

func httpProvider(from *config.CredentialHTTP) (credentials.Provider, error) {
	return httpjson.New(httpjson.Config{
		URL: from.URL, RevokeURL: from.RevokeURL, Allowed: from.AllowedNetworks, Members: from.Members,
		ExpiryField: from.ExpiryField, HandleField: from.HandleField, Now: time.Now,
	})
}

func s3Provider(from *config.CredentialS3) (credentials.Provider, error) {
	trust, err := storeTLS(from.CAFile)
	if err != nil {
		return nil, fmt.Errorf("caFile: %w", err)
	}
	to := s3.Config{
		Endpoint: from.Endpoint, Region: from.Region, Allowed: from.AllowedNetworks, RootCAs: trust.RootCAs,
		RoleARN: from.RoleARN, SessionName: from.SessionName, Policy: from.Policy,
	}
	if from.Lifetime == config.LifetimeServer {
		to.Lifetime = s3.ByServer
	}
	return s3.New(to)
}
