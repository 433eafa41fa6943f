package main

import (
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
)

// algorithms lists what is signed with: the default first, then what services and
// providers of credentials ask for.
func algorithms(settings *config.Config) []keys.Alg {
	algs := []keys.Alg{keys.Alg(settings.Keys.Alg)}
	for i := range settings.Services {
		alg := keys.Alg(settings.Services[i].Alg)
		if alg != "" && !slices.Contains(algs, alg) {
			algs = append(algs, alg)
		}
	}
	for i := range settings.Credentials {
		alg := keys.Alg(settings.Credentials[i].Alg)
		if alg != "" && !slices.Contains(algs, alg) {
			algs = append(algs, alg)
		}
	}
	return algs
}

// services is the registry that the configuration describes.
func services(settings *config.Config) (*exchange.Services, error) {
	var registered []exchange.Service
	for i := range settings.Services {
		from := &settings.Services[i]
		registered = append(registered, exchange.Service{
			Audience: from.Audience, Name: from.Name, Organizations: from.Organizations, AnyScope: from.Scopes.Any, Scopes: from.Scopes.Grants,
			MaxLifetime: time.Duration(from.MaxLifetimeSeconds) * time.Second, Alg: keys.Alg(from.Alg),
			Claims: exchange.Claims{
				Roles: claimRule(from.Claims.Roles), Groups: claimRule(from.Claims.Groups),
				Name: claimRule(from.Claims.Name), Email: claimRule(from.Claims.Email),
			},
		})
	}
	return exchange.NewServices(settings.Issuer, settings.Token.DefaultAudience, registered...)
}

func claimRule(from *config.ClaimRule) exchange.ClaimRule {
	if from == nil {
		return exchange.ClaimRule{}
	}
	return exchange.ClaimRule{Match: from.Match, Max: from.Max}
}

// policy is what a new organization starts with.
func policy(from *config.Policy) directory.Policy {
	networks := make([]string, 0, len(from.AllowedNetworks))
	for _, network := range from.AllowedNetworks {
		networks = append(networks, network.String())
	}
	return directory.Policy{
		DefaultLifetimeSeconds: from.DefaultLifetimeSeconds, MaxLifetimeSeconds: from.MaxLifetimeSeconds, AllowNeverExpire: from.AllowNeverExpire,
		RequireNeverExpireAcknowledgement: from.RequireNeverExpireAcknowledgement, EnforceOnExisting: from.EnforceOnExisting,
		MaxTokensPerOwner: int(from.MaxTokensPerOwner), DefaultScopes: from.DefaultScopes, DefaultAccessTokenSeconds: from.DefaultAccessTokenSeconds,
		MaxAccessTokenSeconds: from.MaxAccessTokenSeconds, LogonInactivityDays: int(from.LogonInactivityDays),
		UnusedRevokeDays: int(from.UnusedRevokeDays), AllowedNetworks: networks,
	}
}
