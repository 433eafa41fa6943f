package console

import (
	"errors"
	"net/url"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// organizationsPage is a list of the tenants.
type organizationsPage struct {
	List *ui.List
	Rows []organizationRow
}

// organizationRow is an organization in the list.
type organizationRow struct {
	*manage.Organization

	Own    bool // the caller's
	Rename string
}

// organizations lists the tenants, for who administers the platform.
func (x *visit) organizations() error {
	if err := x.mustMay(manage.WriteOrganization); err != nil {
		return err
	}
	shown := &organizationsPage{List: &ui.List{Path: pathOrganizations, Query: url.Values{}, Offset: offset(x.query("offset"))}}
	found, err := x.manager.Organizations(x.context(), x.caller, manage.Given(&manage.Ask{Limit: ui.PageSize, Offset: shown.List.Offset, Count: true}))
	if err != nil {
		return err
	}
	shown.List.Shown, shown.List.Total = len(found.Entries), found.Total
	for _, one := range found.Entries {
		shown.Rows = append(shown.Rows, organizationRow{one, one.ID == x.caller.Identity.Organization, pathOrganizations + "/" + string(one.ID) + "/rename"})
	}
	return x.render("organizations", x.t("nav.organizations"), shown)
}

// newOrganization makes a tenant with its first administrator.
func (x *visit) newOrganization() error {
	form := &ask{
		Title: x.t("organizations.create"), Lead: x.t("organizations.create.lead"), Submit: x.t("people.create.submit"), Cancel: pathOrganizations,
		Inputs: []*ui.Input{
			{Name: "name", Kind: kindText, Label: x.t("organizations.name"), Required: true, Max: maxLabel, Autofocus: true},
			{Name: "username", Kind: kindText, Label: x.t("organizations.admin"), Hint: x.t("organizations.admin.hint"), Required: true, Max: maxLabel},
			{Name: "displayName", Kind: kindText, Label: x.t("people.name"), Max: maxLabel},
			{Name: "externalId", Kind: kindText, Label: x.t("people.external_id"), Hint: x.t("people.external_id.hint"), Max: maxLabel},
		},
	}
	if !x.posted() {
		return x.askIf(manage.WriteOrganization, form)
	}
	_, err := x.manager.CreateOrganization(x.context(), x.caller, func() (manage.OrganizationDraft, error) {
		return manage.OrganizationDraft{
			Name: x.field("name"), Policy: directory.DefaultPolicy(),
			Administrator: &directory.Identity{
				Username: x.field("username"), DisplayName: first(x.field("displayName"), x.field("username")), ExternalID: x.field("externalId"), Enabled: true,
			},
		}, nil
	})
	if errors.Is(err, directory.ErrNameTaken) {
		err = &fieldError{"name", "organizations.taken", nil}
	}
	if err != nil {
		return x.again(form, err)
	}
	return x.done(pathOrganizations, "organization_created")
}

// renameOrganization gives a tenant another name.
func (x *visit) renameOrganization() error {
	if err := x.mustMay(manage.WriteOrganization); err != nil {
		return err
	}
	found, err := x.manager.Organization(x.context(), x.caller, x.id())
	if err != nil {
		return err
	}
	form := &ask{
		Title: x.t("organizations.rename.title", found.Name), Submit: x.t("edit.submit"), Cancel: pathOrganizations,
		Consequences: []string{x.t("organizations.rename.shown")},
		Inputs: []*ui.Input{
			{Name: "etag", Kind: kindHidden, Value: found.ETag()},
			{Name: "name", Kind: kindText, Label: x.t("organizations.name"), Value: found.Name, Required: true, Max: maxLabel, Autofocus: true},
		},
	}
	if !x.posted() {
		return x.ask(form)
	}
	seen := x.field("etag")
	_, err = x.manager.RenameOrganization(x.context(), x.caller, x.id(), func(etag string) bool { return etag == seen }, func(string) (string, error) {
		return x.field("name"), nil
	})
	if err != nil {
		return x.again(form, nameTaken(err))
	}
	return x.done(pathOrganizations, "organization_renamed")
}
