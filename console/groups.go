package console

import (
	"net/url"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// groupPages are the pages of groups, besides those of their tokens.
func groupPages() map[string]page {
	both := func(answer func(*visit) error) page { return page{get: answer, post: answer} }
	return map[string]page{
		"groups":                              {get: (*visit).groups},
		"groups/new":                          both((*visit).newGroup),
		"groups/{id}":                         {get: (*visit).group},
		"groups/{id}/nested":                  {get: (*visit).nested},
		"groups/{id}/edit":                    both((*visit).editGroup),
		"groups/{id}/delete":                  both((*visit).deleteGroup),
		"groups/{id}/members/add":             both((*visit).addMember),
		"groups/{id}/members/{member}/remove": both((*visit).dropMember),
		"groups/{id}/nested/add":              both((*visit).nest),
		"groups/{id}/nested/{child}/remove":   both((*visit).unnest),
	}
}

// groupsPage is a list of groups.
type groupsPage struct {
	MayCreate bool
	List      *ui.List
	Rows      []groupRow
	Search    *ui.Input
}

// groupRow is a group in the list.
type groupRow struct {
	*manage.Group

	Path   string
	Nested int
}

func groupRowOf(group *manage.Group) groupRow {
	return groupRow{group, pathGroups + "/" + string(group.ID), len(group.ChildGroups)}
}

// groups lists the groups that the caller may read.
func (x *visit) groups() error {
	asked := url.Values{}
	wanted := x.query("q")
	if wanted != "" {
		asked.Set("q", wanted)
	}
	shown := &groupsPage{
		MayCreate: x.may(manage.WriteGroup),
		List:      &ui.List{Path: pathGroups, Query: asked, Order: first(x.query("sort"), "name"), Offset: offset(x.query("offset"))},
		Search:    &ui.Input{Name: "q", Kind: "search", Label: x.t("groups.search"), Value: wanted, Bare: true, Max: maxLabel},
	}
	found, err := x.manager.SearchGroups(x.context(), x.caller, func() (*manage.Search[directory.Group], error) {
		search := &manage.Search[directory.Group]{Ask: manage.Ask{Limit: ui.PageSize, Offset: shown.List.Offset, Count: true}}
		if wanted != "" {
			search.Where = func(group *directory.Group) bool { return contains(wanted, group.Name, group.Description) }
		}
		return search, readAsk(&search.Ask, manage.GroupColumns(), nil, shown.List.Order)
	})
	if err != nil {
		return err
	}
	shown.List.Shown, shown.List.Total = len(found.Entries), found.Total
	for _, group := range found.Entries {
		shown.Rows = append(shown.Rows, groupRowOf(group))
	}
	return x.render("groups", x.t("nav.groups"), shown)
}

// groupInputs ask for what of a group can be said.
func (x *visit) groupInputs(group *directory.Group) []*ui.Input {
	return []*ui.Input{
		{Name: "name", Kind: kindText, Label: x.t("groups.name"), Value: group.Name, Required: true, Max: maxLabel, Autofocus: true},
		{Name: "description", Kind: kindTextArea, Label: x.t("groups.description"), Value: group.Description, Max: maxGroupAbout},
	}
}

// newGroup makes a group.
func (x *visit) newGroup() error {
	form := &ask{Title: x.t("groups.create"), Lead: x.t("groups.create.lead"), Submit: x.t("people.create.submit"), Cancel: pathGroups, Inputs: x.groupInputs(&directory.Group{})}
	if !x.posted() {
		return x.askIf(manage.WriteGroup, form)
	}
	made, err := x.manager.CreateGroup(x.context(), x.caller, func() (directory.Group, error) {
		return directory.Group{Name: x.field("name"), Description: x.field("description")}, nil
	})
	if err != nil {
		return x.again(form, nameTaken(err))
	}
	return x.done(pathGroups+"/"+string(made.ID), "group_created")
}

// askedGroup returns a group that is to be changed, and the form's beginning. One that
// belongs to each organization stays as it is.
func (x *visit) askedGroup(title, submit string) (*manage.Group, *ask, error) {
	if err := x.mustMay(manage.WriteGroup); err != nil {
		return nil, nil, err
	}
	group, err := x.manager.GroupAlone(x.context(), x.caller, x.id())
	if err != nil {
		return nil, nil, err
	}
	if group.Reserved() {
		return nil, nil, directory.ErrReserved
	}
	return group, &ask{Title: x.t(title, group.Name), Submit: x.t(submit), Cancel: groupRowOf(group).Path}, nil
}

// editGroup changes what a group is called.
func (x *visit) editGroup() error {
	group, form, err := x.askedGroup("people.edit.title", "edit.submit")
	if err != nil {
		return err
	}
	form.Inputs = append([]*ui.Input{{Name: "etag", Kind: kindHidden, Value: group.ETag()}}, x.groupInputs(&group.Group)...)
	form.Consequences = []string{x.t("groups.edit.scopes")}
	if !x.posted() {
		return x.ask(form)
	}
	seen := x.field("etag")
	_, err = x.manager.UpdateGroup(x.context(), x.caller, x.id(), func(etag string) bool { return etag == seen }, func(now *directory.Group) error {
		now.Name, now.Description = x.field("name"), x.field("description")
		return nil
	})
	if err != nil {
		return x.again(form, nameTaken(err))
	}
	return x.done(form.Cancel, "group_changed")
}

// deleteGroup removes a group with its tokens.
func (x *visit) deleteGroup() error {
	_, form, err := x.askedGroup("people.delete.title", "people.delete.submit")
	if err != nil {
		return err
	}
	end, err := x.manager.GroupEnding(x.context(), x.caller, x.id())
	if err != nil {
		return err
	}
	form.Danger = true
	form.Consequences = []string{
		x.t("groups.delete.tokens", end.Tokens, end.Usable), x.t("people.delete.roles", end.Roles), x.t("groups.delete.members", end.Members),
		x.t("groups.delete.final"),
	}
	if !x.posted() {
		return x.ask(form)
	}
	if err := x.manager.DeleteGroup(x.context(), x.caller, x.id(), nil); err != nil {
		return x.retry(form, err)
	}
	return x.done(pathGroups, "group_deleted")
}
