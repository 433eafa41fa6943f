package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// Where the pages of the directory begin.
const (
	pathPeople        = "/console/people"
	pathGroups        = "/console/groups"
	pathRoles         = "/console/roles"
	pathOrganization  = "/console/organization"
	pathOrganizations = "/console/organizations"
)

// The greatest lengths of texts of the directory, in characters.
const (
	maxLabel       = 255
	maxGroupAbout  = 2000
	maxIssuerInput = 2000
)

func (x *visit) context() context.Context { return x.r.Context() }

// may reports whether the caller could do something at all.
func (x *visit) may(action manage.Action) bool { return x.manager.May(x.caller, action) }

// retry shows a form again, as again does, also where what was entered would give what
// the caller may not give: another entry would not.
func (x *visit) retry(form *ask, err error) error {
	_, gives := errors.AsType[*manage.GiveError](err)
	if !gives && !errors.Is(err, manage.ErrBuiltIn) {
		return x.again(form, err)
	}
	for _, in := range form.Inputs {
		if x.r.PostForm.Has(in.Name) || in.Kind == kindCheckbox {
			enter(in, x.r.PostForm.Get(in.Name))
		}
	}
	for _, one := range x.explain(err).Causes {
		form.Problems = append(form.Problems, one.Text)
	}
	return x.askAs(http.StatusForbidden, form)
}

// tab leads to one of the pages of a thing.
type tab struct {
	Path, Text string
	Current    bool
}

// tabsTo marks the one of the tabs that leads to a page.
func tabsTo(path string, tabs ...tab) []tab {
	for i := range tabs {
		tabs[i].Current = tabs[i].Path == path
	}
	return tabs
}

// named is something that has a page, for who may read it.
type named struct{ Path, Name string }

// groupNamed is a group of the caller's organization.
func (x *visit) groupNamed(id directory.ID, name string) named {
	group := &manage.Group{Group: directory.Group{ID: id, Organization: x.caller.Identity.Organization}}
	if !x.manager.MayGroup(x.caller, manage.ReadGroup, group) {
		return named{Name: name}
	}
	return named{pathGroups + "/" + string(id), name}
}

// groupInput asks for a group by its name: with a choice for who may read all of them,
// if they are not too many for one.
func (x *visit) groupInput(name, label string, offers func(*manage.Group) bool) (*ui.Input, error) {
	in := &ui.Input{Name: name, Kind: kindText, Label: label, Required: true, Max: maxLabel}
	if !x.may(manage.WriteGroup) {
		return in, nil
	}
	found, err := x.manager.Groups(x.context(), x.caller, manage.Given(&manage.Ask{Limit: manage.MaxPage, Count: true}))
	if err != nil || found.Total > manage.MaxPage {
		return in, err
	}
	in.Kind = kindSelect
	in.Options = []ui.Option{{Text: x.t("groups.choose")}}
	for _, group := range found.Entries {
		if offers(group) {
			in.Options = append(in.Options, ui.Option{Value: group.Name, Text: group.Name})
		}
	}
	return in, nil
}

// groupByName finds a group that the caller may read by what was entered in a field.
func (x *visit) groupByName(field string) (*manage.Group, error) {
	name := x.field(field)
	found, err := x.manager.SearchGroups(x.context(), x.caller, manage.Given(&manage.Search[directory.Group]{
		Ask: manage.Ask{Limit: 1}, Where: func(group *directory.Group) bool { return group.Name == name },
	}))
	if err != nil {
		return nil, err
	}
	if len(found.Entries) == 0 {
		return nil, &fieldError{field, "groups.unknown", nil}
	}
	return found.Entries[0], nil
}

// heldRow is a role assignment in a list.
type heldRow struct {
	Name, About, Where string
	Through            named // the group by which it is held; without a name: none
}

// heldRows are what somebody holds, for who may read roles.
func (x *visit) heldRows(assignments []*manage.Assignment) []heldRow {
	var rows []heldRow
	for _, one := range assignments {
		row := heldRow{Name: one.Name(), About: x.aboutAll(one), Where: x.where(one.Scope, one.ScopeName)}
		if one.HolderGroup {
			row.Through = x.groupNamed(one.Holder, one.HolderName)
		}
		rows = append(rows, row)
	}
	return rows
}

// givenBy tells what a group gives to who belongs to it, for who may read roles.
func (x *visit) givenBy(group string) ([]string, error) {
	if !x.may(manage.ReadRoles) {
		return nil, nil
	}
	held, err := x.manager.HeldByGroup(x.context(), x.caller, group)
	if err != nil {
		return nil, err
	}
	var given []string
	for _, row := range x.heldRows(held) {
		given = append(given, row.Name+" ("+row.Where+")")
	}
	return slices.Compact(given), nil
}

// contains reports whether one of the texts has another in it, whatever the case.
func contains(wanted string, texts ...string) bool {
	wanted = strings.ToLower(wanted)
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), wanted) })
}

// mustMay is the refusal of the use case that an action belongs to, for a page that is
// opened before there is anything to do.
func (x *visit) mustMay(action manage.Action) error { return x.manager.Refusal(x.caller, action) }

// askIf shows a form to who may send it.
func (x *visit) askIf(action manage.Action, form *ask) error {
	if err := x.mustMay(action); err != nil {
		return err
	}
	return x.ask(form)
}
