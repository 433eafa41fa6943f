package console

import (
	"strings"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/manage"
)

// section is a page that the navigation and the home page lead to, for who may do one
// of the actions; without any, for everyone.
type section struct {
	path, text, icon string
	actions          []manage.Action
}

// sections are all of them, by the titles of their groups.
var sections = []struct {
	title string
	pages []section
}{
	{"", []section{
		{"/console/", "nav.home", "home", nil},
		{"/console/tokens", "nav.tokens", "key", []manage.Action{manage.ReadToken}},
	}},
	{"nav.organization", []section{
		{"/console/organization", "nav.organization_page", "building", []manage.Action{manage.ReadOrganization}},
		{"/console/groups", "nav.groups", "people", []manage.Action{manage.ReadGroup}},
		{"/console/people", "nav.people", "user", []manage.Action{manage.ReadIdentity}},
		{"/console/roles", "nav.roles", "shield", []manage.Action{manage.ReadRoles}},
		{"/console/policy", "nav.policy", "policy", []manage.Action{manage.ReadPolicy}},
		{"/console/audit", "nav.audit", "audit", []manage.Action{manage.ReadAudit}},
		{"/console/inactivity", "nav.inactivity", "clock", []manage.Action{manage.ReadInactivity}},
	}},
	{"nav.platform", []section{
		{"/console/organizations", "nav.organizations", "building", []manage.Action{manage.WriteOrganization}},
		{"/console/services", "nav.services", "service", []manage.Action{manage.ReadServices}},
		{"/console/keys", "nav.keys", "key", []manage.Action{manage.ManageKeys}},
	}},
}

// navigation is what the one who is signed in may go to.
func (x *visit) navigation() []ui.NavGroup {
	var groups []ui.NavGroup
	for _, part := range sections {
		group := ui.NavGroup{Title: part.title}
		for _, one := range part.pages {
			if !x.mayAny(one.actions) {
				continue
			}
			group.Links = append(group.Links, ui.NavLink{
				Path: one.path, Text: one.text, Hint: one.text + ".hint", Icon: one.icon, Current: leadsTo(one.path, x.r.URL.Path),
			})
		}
		if len(group.Links) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

// leadsTo reports whether a section is where the reader is.
func leadsTo(section, here string) bool {
	return here == section || section != Path && strings.HasPrefix(here, section+"/")
}

func (x *visit) mayAny(actions []manage.Action) bool {
	for _, action := range actions {
		if x.manager.May(x.caller, action) {
			return true
		}
	}
	return len(actions) == 0
}
