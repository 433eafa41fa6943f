package api

import (
	"net/http"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// ListOrganizations answers with a page of organizations.
func (s server) ListOrganizations(w http.ResponseWriter, r *http.Request, params ListOrganizationsParams) {
	list := listParams{limit: params.Limit, offset: params.Offset, count: params.Count}
	page, err := s.manager.Organizations(r.Context(), callerFrom(r.Context()), list.of(nil))
	respondPage(s.API, w, r, params.Count, page, showOrganization, err)
}

// GetOrganization answers with one organization.
func (s server) GetOrganization(w http.ResponseWriter, r *http.Request, id ID) {
	organization, err := s.manager.Organization(r.Context(), callerFrom(r.Context()), id)
	respondTagged(s.API, w, r, organization, showOrganization, err)
}

// CreateOrganization makes an organization.
func (s server) CreateOrganization(w http.ResponseWriter, r *http.Request) {
	draft := body(w, r, required, (*OrganizationDraft).organization)
	organization, err := s.manager.CreateOrganization(r.Context(), callerFrom(r.Context()), draft)
	respondTagged(s.API, w, r, organization, showOrganization, err)
}

func (d *OrganizationDraft) organization() (manage.OrganizationDraft, error) {
	draft := manage.OrganizationDraft{Name: d.Name, Policy: directory.DefaultPolicy()}
	var err error
	if d.Policy != nil {
		draft.Policy, err = d.Policy.policy()
	}
	if d.Administrator != nil {
		administrator, _ := d.Administrator.identity() // never fails
		draft.Administrator = &administrator
	}
	return draft, err
}

// nameDocument is what of an organization may be patched.
type nameDocument struct {
	Name *string `json:"name"`
}

// PatchOrganization renames an organization.
func (s server) PatchOrganization(w http.ResponseWriter, r *http.Request, id ID, params PatchOrganizationParams) {
	patch := readPatch[nameDocument](w, r)
	rename := func(before string) (string, error) {
		after, err := patch(&nameDocument{Name: &before})
		if err != nil {
			return "", err
		}
		return orZero(after.Name), nil
	}
	organization, err := s.manager.RenameOrganization(r.Context(), callerFrom(r.Context()), id, matching(params.IfMatch), rename)
	respondTagged(s.API, w, r, organization, showOrganization, err)
}

func showOrganization(organization *manage.Organization) Organization {
	shown := Organization{ID: string(organization.ID), Name: organization.Name, Created: Instant(organization.Created)}
	if organization.PolicyShown {
		shown.Policy = new(showPolicy(&organization.Policy))
	}
	shown.Administrator = showReference(organization.Administrator)
	return shown
}

func showPolicy(policy *directory.Policy) Policy {
	return Policy{
		DefaultLifetimeSeconds: policy.DefaultLifetimeSeconds, MaxLifetimeSeconds: &policy.MaxLifetimeSeconds, AllowNeverExpire: &policy.AllowNeverExpire,
		RequireNeverExpireAcknowledgement: &policy.RequireNeverExpireAcknowledgement, EnforceOnExisting: &policy.EnforceOnExisting,
		MaxTokensPerOwner: &policy.MaxTokensPerOwner, DefaultScopes: policy.DefaultScopes,
		DefaultAccessTokenSeconds: &policy.DefaultAccessTokenSeconds, MaxAccessTokenSeconds: &policy.MaxAccessTokenSeconds,
		LogonInactivityDays: &policy.LogonInactivityDays, UnusedRevokeDays: &policy.UnusedRevokeDays, AllowedNetworks: policy.AllowedNetworks,
	}
}
