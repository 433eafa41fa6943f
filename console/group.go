package console

import (
	"net/url"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// groupPage is one group, with its members or the groups in it.
type groupPage struct {
	groupRow

	Up      []crumb
	Tabs    []tab
	Actions []action
	Members bool // they are shown, not the nested groups
	Open    bool // it takes members and groups
	All     bool // all are in it
	Add     string
	List    *ui.List
	People  []memberRow
	Groups  []nestedRow
	Given   []heldRow
	MayRoles,
	MayPeople bool
}

// memberRow is a member in the list.
type memberRow struct {
	personRow

	Remove string // empty: the caller may not
}

// nestedRow is a group in another.
type nestedRow struct {
	groupRow

	Remove string // empty: the caller may not
}

// groupTabs lead to the pages of a group that the caller may see.
func (x *visit) groupTabs(group *manage.Group, current string) []tab {
	path := groupRowOf(group).Path
	var tabs []tab
	if x.manager.MayGroup(x.caller, manage.ReadMembers, group) {
		tabs = append(tabs, tab{Path: path, Text: x.t("groups.members")})
	}
	tabs = append(tabs, tab{Path: path + "/nested", Text: x.t("groups.nested")})
	if x.manager.MayLevel(x.context(), x.caller, manage.ReadLevelToken, manage.Level{Of: pat.Group, ID: string(group.ID)}) {
		tabs = append(tabs, tab{Path: path + "/tokens", Text: x.t("groups.tokens")})
	}
	return tabsTo(current, tabs...)
}

// groupShown begins the page of a group.
func (x *visit) groupShown(page string) (*groupPage, error) {
	group, err := x.manager.GroupAlone(x.context(), x.caller, x.id())
	if err != nil {
		return nil, err
	}
	shown := &groupPage{
		groupRow: groupRowOf(group), Up: []crumb{{pathGroups, x.t("nav.groups")}}, Open: takesMembers(group), All: group.Name == directory.Everyone,
		MayRoles: x.may(manage.ReadRoles), MayPeople: x.may(manage.ReadIdentity),
	}
	shown.Tabs = x.groupTabs(group, shown.Path+page)
	if x.manager.MayGroup(x.caller, manage.WriteGroup, group) && !group.Reserved() {
		shown.Actions = []action{
			{shown.Path + "/edit", x.t("people.edit"), false, true},
			{shown.Path + "/delete", x.t("people.delete"), true, true},
		}
	}
	if shown.MayRoles {
		held, err := x.manager.HeldByGroup(x.context(), x.caller, x.id())
		if err != nil {
			return nil, err
		}
		shown.Given = x.heldRows(held)
	}
	return shown, nil
}

// group shows a group and its members; to who may not see those, the groups in it.
func (x *visit) group() error {
	shown, err := x.groupShown("")
	if err != nil {
		return err
	}
	if !x.manager.MayGroup(x.caller, manage.ReadMembers, shown.Group) {
		return x.redirect(shown.Path + "/nested")
	}
	shown.Members = true
	shown.List = &ui.List{Path: shown.Path, Query: url.Values{}, Order: first(x.query("sort"), "username"), Offset: offset(x.query("offset"))}
	found, err := x.manager.Members(x.context(), x.caller, x.id(), func() (*manage.Ask, error) {
		ask := &manage.Ask{Limit: ui.PageSize, Offset: shown.List.Offset, Count: true}
		return ask, readAsk(ask, manage.IdentityColumns(), nil, shown.List.Order)
	})
	if err != nil {
		return err
	}
	mayWrite := shown.Open && x.manager.MayGroup(x.caller, manage.WriteMembers, shown.Group)
	if mayWrite {
		shown.Add = shown.Path + "/members/add"
	}
	shown.List.Shown, shown.List.Total = len(found.Entries), found.Total
	for _, identity := range found.Entries {
		row := memberRow{personRow: x.personRow(identity)}
		if mayWrite {
			row.Remove = shown.Path + "/members/" + string(identity.ID) + "/remove"
		}
		shown.People = append(shown.People, row)
	}
	return x.render("group", shown.Name, shown)
}

// nested shows a group and the groups in it.
func (x *visit) nested() error {
	shown, err := x.groupShown("/nested")
	if err != nil {
		return err
	}
	shown.List = &ui.List{Path: shown.Path + "/nested", Query: url.Values{}, Order: first(x.query("sort"), "name"), Offset: offset(x.query("offset"))}
	found, err := x.manager.Children(x.context(), x.caller, x.id(), func() (*manage.Ask, error) {
		ask := &manage.Ask{Limit: ui.PageSize, Offset: shown.List.Offset, Count: true}
		return ask, readAsk(ask, manage.GroupColumns(), nil, shown.List.Order)
	})
	if err != nil {
		return err
	}
	mayWrite := shown.Open && x.manager.MayGroup(x.caller, manage.WriteGroup, shown.Group)
	if mayWrite {
		shown.Add = shown.Path + "/nested/add"
	}
	shown.List.Shown, shown.List.Total = len(found.Entries), found.Total
	for _, group := range found.Entries {
		row := nestedRow{groupRow: groupRowOf(group)}
		if !x.manager.MayGroup(x.caller, manage.ReadGroup, group) {
			row.Path = ""
		}
		if mayWrite {
			row.Remove = shown.Path + "/nested/" + string(group.ID) + "/remove"
		}
		shown.Groups = append(shown.Groups, row)
	}
	return x.render("group", shown.Name, shown)
}
