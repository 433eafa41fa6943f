package console

import (
	"maps"
	"slices"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/manage"
)

// servicesPage is what tokens are exchanged for.
type servicesPage struct {
	Services []serviceCard
	List     *ui.List
}

// serviceCard is one service in words.
type serviceCard struct {
	*exchange.Service

	Heading    string
	Default    bool // the audience if none is asked for
	Management bool // the API of Cambio itself
	Life       string
	Alg        string
	Tells      []string // claims about the owner
	Grants     []serviceGrant
}

// serviceGrant says who gets a scope.
type serviceGrant struct {
	Scope string
	To    []string // roles and groups
}

// services lists the services of the configuration.
func (x *visit) services() error {
	shown := &servicesPage{List: &ui.List{Path: "/console/services", Offset: offset(x.query("offset"))}}
	found, err := x.manager.Services(x.caller, manage.Given(&manage.Ask{Limit: ui.PageSize, Offset: shown.List.Offset, Count: true}))
	if err != nil {
		return err
	}
	shown.List.Shown, shown.List.Total = len(found.Entries), found.Total
	for _, service := range found.Entries {
		shown.Services = append(shown.Services, x.serviceCard(service))
	}
	return x.render("services", x.t("nav.services"), shown)
}

func (x *visit) serviceCard(service *exchange.Service) serviceCard {
	card := serviceCard{
		Service: service, Heading: first(service.Name, service.Audience), Default: service.Audience == x.audience,
		Management: service.Audience == x.issuer+exchange.ManagementPath, Life: x.t("services.life_policy"), Alg: first(string(service.Alg), x.t("services.alg_default")),
	}
	if service.MaxLifetime > 0 {
		card.Life = x.t("services.life_most", x.span(service.MaxLifetime))
	}
	for _, claim := range []struct {
		name string
		rule exchange.ClaimRule
	}{{"roles", service.Claims.Roles}, {"groups", service.Claims.Groups}, {"name", service.Claims.Name}, {"email", service.Claims.Email}} {
		if claim.rule.Match != "" {
			card.Tells = append(card.Tells, x.claimText(claim.name, claim.rule))
		}
	}
	for _, scope := range slices.Sorted(maps.Keys(service.Scopes)) {
		card.Grants = append(card.Grants, serviceGrant{scope, service.Scopes[scope]})
	}
	return card
}

// claimText tells which values a claim has.
func (x *visit) claimText(name string, rule exchange.ClaimRule) string {
	text := x.t("claim." + name)
	if name == "name" || name == "email" {
		return text
	}
	if rule.Match != exchange.AnyScope {
		text = x.t("services.claim_match", text, rule.Match)
	}
	most := rule.Max
	if most <= 0 {
		most = exchange.DefaultClaimMax
	}
	return x.t("services.claim_most", text, most)
}
