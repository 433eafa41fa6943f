package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage"
)

// ListServices answers with the services that tokens are meant for.
func (s server) ListServices(w http.ResponseWriter, r *http.Request, params ListServicesParams) {
	list := listParams{limit: params.Limit, offset: params.Offset, count: params.Count}
	page, err := s.manager.Services(callerFrom(r.Context()), list.of(nil))
	respondPage(s.API, w, r, params.Count, page, showService, err)
}

func showService(service *exchange.Service) Service {
	shown := Service{
		Audience: service.Audience, Name: textPointer(service.Name), AnyScope: service.AnyScope, Scopes: []ServiceScope{},
		Organizations: service.Organizations, Alg: textPointer(string(service.Alg)), Claims: []string{},
	}
	if service.MaxLifetime > 0 {
		shown.MaxLifetimeSeconds = new(int64(service.MaxLifetime / time.Second))
	}
	for scope, granted := range service.Scopes {
		shown.Scopes = append(shown.Scopes, ServiceScope{Scope: scope, GrantedTo: append([]string{}, granted...)})
	}
	slices.SortFunc(shown.Scopes, func(a, b ServiceScope) int { return strings.Compare(a.Scope, b.Scope) })
	for _, claim := range []struct {
		name string
		rule exchange.ClaimRule
	}{{"email", service.Claims.Email}, {"groups", service.Claims.Groups}, {"name", service.Claims.Name}, {"roles", service.Claims.Roles}} {
		if claim.rule.Match != "" {
			shown.Claims = append(shown.Claims, claim.name)
		}
	}
	return shown
}

// ListKeys answers with the signing keys.
func (s server) ListKeys(w http.ResponseWriter, r *http.Request) {
	all, err := s.manager.Keys(callerFrom(r.Context()))
	s.respondKeys(w, r, all, err)
}

// RotateKeys brings the next key of each algorithm into use.
func (s server) RotateKeys(w http.ResponseWriter, r *http.Request) {
	all, err := s.manager.RotateKeys(r.Context(), callerFrom(r.Context()))
	s.respondKeys(w, r, all, err)
}

// RevokeKey ends a key at once.
func (s server) RevokeKey(w http.ResponseWriter, r *http.Request, kid string) {
	all, err := s.manager.RevokeKey(r.Context(), callerFrom(r.Context()), kid)
	s.respondKeys(w, r, all, err)
}

func (s server) respondKeys(w http.ResponseWriter, r *http.Request, all []keys.Info, err error) {
	respondPage(s.API, w, r, nil, manage.Page[keys.Info]{Entries: all}, showKey, err)
}

func showKey(info keys.Info) SigningKey {
	return SigningKey{
		Kid: info.KID, Alg: info.Alg, Generation: info.Generation, State: info.State, Created: Instant(info.Created),
		ActiveFrom: Instant(info.ActiveFrom), RetireFrom: Instant(info.RetireFrom), RemoveAfter: Instant(info.RemoveAfter),
		RevokedAt: instantOrNull(info.RevokedAt),
	}
}
