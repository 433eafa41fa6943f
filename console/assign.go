package console

import (
	"errors"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// The kinds of holders in the form of a role assignment.
const (
	holderPerson = "person"
	holderGroup  = "group"
)

// assignForm asks who gets which role, and where.
func (x *visit) assignForm() (*ask, error) {
	role := &ui.Input{Name: "role", Kind: kindSelect, Label: x.t("roles.role"), Required: true}
	for _, name := range roleNames() {
		if name != directory.PlatformAdmin || x.may(manage.AssignPlatform) {
			role.Options = append(role.Options, ui.Option{Value: string(name), Text: string(name)})
		}
	}
	for _, right := range directory.Rights() {
		role.Options = append(role.Options, ui.Option{Value: string(right), Text: x.t("roles.right", string(right))})
	}
	group, err := x.groupInput("scopeId", x.t("roles.scope_group"), func(*manage.Group) bool { return true })
	if err != nil {
		return nil, err
	}
	group.Required, group.Hint = false, x.t("roles.scope_group.hint")
	form := &ask{Title: x.t("roles.assign"), Submit: x.t("roles.assign.submit"), Cancel: pathRoles, Inputs: []*ui.Input{role, group}}
	organizations, err := x.organizationChoice()
	if err != nil {
		return nil, err
	}
	if organizations != nil {
		form.Inputs = append(form.Inputs, organizations)
	}
	form.Inputs = append(form.Inputs,
		&ui.Input{Name: "kind", Kind: kindSelect, Label: x.t("roles.holder_kind"), Required: true, Options: []ui.Option{
			{Value: holderPerson, Text: x.t("roles.kind.person")}, {Value: holderGroup, Text: x.t("roles.kind.group")},
		}},
		&ui.Input{Name: "holder", Kind: kindText, Label: x.t("roles.holder_name"), Hint: x.t("roles.holder_name.hint"), Required: true, Max: maxLabel},
	)
	return form, nil
}

// organizationChoice asks for an organization, who may assign roles in more than one.
func (x *visit) organizationChoice() (*ui.Input, error) {
	if !x.may(manage.AssignPlatform) {
		return nil, nil //nolint:nilnil // there is nothing to choose
	}
	found, err := x.manager.Organizations(x.context(), x.caller, manage.Given(&manage.Ask{Limit: manage.MaxPage}))
	if err != nil || len(found.Entries) < 2 {
		return nil, err
	}
	in := &ui.Input{Name: "organization", Kind: kindSelect, Label: x.t("me.organization"), Hint: x.t("roles.organization.hint"), Required: true}
	for _, one := range found.Entries {
		in.Options = append(in.Options, ui.Option{Value: string(one.ID), Text: one.Name, Selected: one.ID == x.caller.Identity.Organization})
	}
	return in, nil
}

// assign gives a role or a right to a person or a group.
func (x *visit) assign() error {
	if err := x.mustMay(manage.AssignRoles); err != nil {
		return err
	}
	form, err := x.assignForm()
	if err != nil {
		return err
	}
	if !x.posted() {
		for _, name := range []string{"role", "kind", "holder"} { // a page that leads here may have chosen
			for _, in := range form.Inputs {
				if in.Name == name && x.query(name) != "" {
					enter(in, x.query(name))
				}
			}
		}
		return x.ask(form)
	}
	assignment, err := x.readAssignment()
	if err == nil {
		_, err = x.manager.Assign(x.context(), x.caller, manage.Given(*assignment))
	}
	if err != nil {
		return x.again(form, err)
	}
	return x.done(pathRoles, "assigned")
}

// readAssignment takes what was entered, and finds what it names.
func (x *visit) readAssignment() (*directory.Assignment, error) {
	organization := directory.ID(first(x.field("organization"), string(x.caller.Identity.Organization)))
	made := &directory.Assignment{Role: directory.Role(x.field("role")), Scope: directory.OnOrganization, ScopeID: organization}
	find := func(field string, group bool, unknown string) (directory.ID, error) {
		found, err := x.manager.Holder(x.context(), x.caller, organization, group, x.field(field))
		if errors.Is(err, manage.ErrNotFound) {
			return "", &fieldError{field, unknown, nil}
		}
		if err != nil {
			return "", err
		}
		return found.ID, nil
	}
	if right := directory.Right(made.Role); slices.Contains(directory.Rights(), right) {
		made.Role, made.Rights = "", []directory.Right{right}
	}
	var err error
	switch made.Role {
	case directory.PlatformAdmin:
		made.Scope, made.ScopeID = directory.OnPlatform, ""
	case directory.GroupAdmin, directory.GroupUser:
		made.Scope = directory.OnGroup
		if made.ScopeID, err = find("scopeId", true, "roles.group.unknown"); err != nil {
			return nil, err
		}
	default:
	}
	unknown := "groups.nobody"
	if x.field("kind") == holderGroup {
		unknown = "roles.group.unknown"
	}
	made.Holder, err = find("holder", x.field("kind") == holderGroup, unknown)
	return made, err
}

// unassign takes a role or a right away.
func (x *visit) unassign() error {
	if err := x.mustMay(manage.AssignRoles); err != nil {
		return err
	}
	one, err := x.manager.Assignment(x.context(), x.caller, x.id())
	if err != nil {
		return err
	}
	row := x.assignmentRow(one, true)
	form := &ask{
		Title: x.t("roles.remove.title", one.Name(), row.Person.Name), Lead: row.Where, Submit: x.t("roles.remove.submit"), Cancel: pathRoles, Danger: true,
	}
	if row.About != "" {
		form.Consequences = append(form.Consequences, x.t("roles.remove.loses", strings.TrimSuffix(row.About, ".")))
	}
	if one.Role == directory.AccessAsNonInteractiveUser {
		form.Consequences = append(form.Consequences, x.t("roles.remove.tokens"))
	}
	if one.HolderGroup {
		form.Consequences = append(form.Consequences, x.t("roles.remove.members"))
	}
	if one.Holder == x.caller.Identity.ID {
		form.Consequences = append(form.Consequences, x.t("roles.remove.self"))
	}
	form.Consequences = append(form.Consequences, x.t("roles.remove.otherwise"))
	if !x.posted() {
		return x.ask(form)
	}
	if err := x.manager.Unassign(x.context(), x.caller, x.id()); err != nil {
		return x.again(form, err)
	}
	return x.done(pathRoles, "unassigned")
}
