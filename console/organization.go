package console

import (
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// organizationPages are the pages of organizations, besides those of their tokens.
func organizationPages() map[string]page {
	both := func(answer func(*visit) error) page { return page{get: answer, post: answer} }
	return map[string]page{
		"organization":              {get: (*visit).organization},
		"organizations":             {get: (*visit).organizations},
		"organizations/new":         both((*visit).newOrganization),
		"organizations/{id}/rename": both((*visit).renameOrganization),
	}
}

// organizationTabs lead to the pages of the caller's organization.
func (x *visit) organizationTabs(current string) []tab {
	tabs := []tab{{Path: pathOrganization, Text: x.t("organization.overview")}}
	level := manage.Level{Of: pat.Organization, ID: string(x.caller.Identity.Organization)}
	if x.manager.MayLevel(x.context(), x.caller, manage.ReadLevelToken, level) {
		tabs = append(tabs, tab{Path: pathOrganization + "/tokens", Text: x.t("groups.tokens")})
	}
	return tabsTo(current, tabs...)
}

// organizationPage is the caller's organization.
type organizationPage struct {
	*manage.Organization

	Tabs      []tab
	Rename    string // where it gets another name; empty: the caller may not
	Counts    []countCard
	Policy    []string // what it comes to, in words
	MayPolicy bool
}

// organization shows the caller's organization: its name, what there is in it, and what
// its policy comes to.
func (x *visit) organization() error {
	own := string(x.caller.Identity.Organization)
	found, err := x.manager.Organization(x.context(), x.caller, own)
	if err != nil {
		return err
	}
	shown := &organizationPage{
		Organization: found, Tabs: x.organizationTabs(pathOrganization),
		MayPolicy: x.manager.MayOrganization(x.caller, manage.ReadPolicy, found.ID),
	}
	if x.manager.MayOrganization(x.caller, manage.WriteOrganization, found.ID) {
		shown.Rename = pathOrganizations + "/" + own + "/rename"
	}
	if shown.Counts, err = x.organizationCounts(own); err != nil {
		return err
	}
	if found.PolicyShown {
		shown.Policy = x.policyWords(&found.Policy)
	}
	return x.render("organization", found.Name, shown)
}

// organizationCounts tells how much there is of what the caller may see.
func (x *visit) organizationCounts(own string) ([]countCard, error) {
	var cards []countCard
	none := &manage.Ask{Count: true}
	level := manage.Level{Of: pat.Organization, ID: own}
	if x.manager.MayLevel(x.context(), x.caller, manage.ReadLevelToken, level) {
		counted, err := x.manager.LevelTokenSummary(x.context(), x.caller, level)
		if err != nil {
			return nil, err
		}
		cards = append(cards, countCard{Path: pathOrganization + "/tokens", Text: x.t("organization.tokens"), Count: counted.Active})
	}
	if x.caller.May(directory.ReadAllTokens) {
		counted, err := x.manager.TokenSummary(x.context(), x.caller, "")
		if err != nil {
			return nil, err
		}
		cards = append(cards, countCard{Path: "/console/tokens?of=all", Text: x.t("organization.all_tokens"), Count: counted.Active})
	}
	if x.may(manage.ReadGroup) {
		found, err := x.manager.Groups(x.context(), x.caller, manage.Given(none))
		if err != nil {
			return nil, err
		}
		cards = append(cards, countCard{Path: pathGroups, Text: x.t("nav.groups"), Count: found.Total})
	}
	if x.may(manage.ReadIdentity) {
		found, err := x.manager.SearchPeople(x.context(), x.caller, manage.Given(&manage.Search[directory.Identity]{Ask: *none}))
		if err != nil {
			return nil, err
		}
		cards = append(cards, countCard{Path: pathPeople, Text: x.t("nav.people"), Count: found.Total})
	}
	if x.may(manage.ReadRoles) {
		found, err := x.manager.Assignments(x.context(), x.caller, manage.Given(none))
		if err != nil {
			return nil, err
		}
		cards = append(cards, countCard{Path: pathRoles, Text: x.t("organization.roles"), Count: found.Total})
	}
	return cards, nil
}

// policyWords tells what a policy comes to.
func (x *visit) policyWords(policy *directory.Policy) []string {
	words := []string{x.t("organization.policy.no_longest")}
	if policy.MaxLifetimeSeconds > 0 {
		words[0] = x.t("organization.policy.longest", x.span(time.Duration(policy.MaxLifetimeSeconds)*time.Second))
	}
	if policy.DefaultLifetimeSeconds != nil {
		words = append(words, x.t("organization.policy.default", x.span(time.Duration(*policy.DefaultLifetimeSeconds)*time.Second)))
	}
	switch {
	case !policy.AllowNeverExpire:
		words = append(words, x.t("organization.policy.must_expire"))
	case policy.RequireNeverExpireAcknowledgement:
		words = append(words, x.t("organization.policy.acknowledge"))
	default:
		words = append(words, x.t("organization.policy.never"))
	}
	if policy.EnforceOnExisting {
		words = append(words, x.t("organization.policy.existing"))
	}
	if policy.MaxTokensPerOwner > 0 {
		words = append(words, x.t("organization.policy.tokens", policy.MaxTokensPerOwner))
	}
	words = append(words, x.t("organization.policy.jwts", x.span(time.Duration(policy.DefaultAccessTokenSeconds)*time.Second), x.span(time.Duration(policy.MaxAccessTokenSeconds)*time.Second)))
	if policy.LogonInactivityDays > 0 {
		words = append(words, x.t("organization.policy.inactivity", policy.LogonInactivityDays))
	}
	if policy.UnusedRevokeDays > 0 {
		words = append(words, x.t("organization.policy.unused", policy.UnusedRevokeDays))
	}
	if len(policy.AllowedNetworks) > 0 {
		words = append(words, x.t("organization.policy.networks", len(policy.AllowedNetworks)))
	} else {
		words = append(words, x.t("organization.policy.any_network"))
	}
	return words
}
