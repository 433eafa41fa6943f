package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/manage"
)

// rolePages are the pages of roles.
func rolePages() map[string]page {
	both := func(answer func(*visit) error) page { return page{get: answer, post: answer} }
	return map[string]page{
		"roles":             {get: (*visit).roles},
		"roles/users":       {get: (*visit).roles, post: (*visit).setTokenUsers},
		"roles/new":         both((*visit).assign),
		"roles/{id}/remove": both((*visit).unassign),
	}
}

// rolesPage is who may use tokens, and who holds what.
type rolesPage struct {
	Users    *tokenUsers
	MayWrite bool
	List     *ui.List
	Rows     []assignmentRow
	Filter   *ui.Input
}

// tokenUsers is who may use personal tokens, and the form that changes it.
type tokenUsers struct {
	*manage.TokenUsers

	Groups, People []named
	Who            string // the choice
	Group          *ui.Input
	Problems       []string
}

// The choices of who may use personal tokens.
const (
	usersNobody   = "nobody"
	usersGroup    = "group"
	usersEveryone = "everyone"
)

// assignmentRow is a role assignment in the list.
type assignmentRow struct {
	*manage.Assignment

	About, Where string
	Person       named
	Remove       string // empty: the caller may not
}

// roleNames are all roles, those of a group and of the platform last.
func roleNames() []directory.Role {
	return []directory.Role{
		directory.AccessAsNonInteractiveUser, directory.AdministerNonInteractiveUser, directory.ManageSystemSecurityRoles, directory.ManageSystemSecurityGroups,
		directory.OrganizationAdmin, directory.OrganizationUser, directory.GroupAdmin, directory.GroupUser, directory.PlatformAdmin,
	}
}

// roles shows who may use tokens, and who holds what.
func (x *visit) roles() error {
	users, err := x.tokenUsers()
	if err != nil {
		return err
	}
	return x.showRoles(http.StatusOK, users)
}

func (x *visit) showRoles(status int, users *tokenUsers) error {
	asked := url.Values{}
	role := x.query("role")
	if role != "" {
		asked.Set("role", role)
	}
	shown := &rolesPage{
		Users: users, MayWrite: x.may(manage.AssignRoles),
		List: &ui.List{Path: pathRoles, Query: asked, Order: first(x.query("sort"), "role"), Offset: offset(x.query("offset"))},
	}
	found, err := x.manager.Assignments(x.context(), x.caller, func() (*manage.Ask, error) {
		ask := &manage.Ask{Limit: ui.PageSize, Offset: shown.List.Offset, Count: true}
		var conditions []string
		if role != "" {
			conditions = append(conditions, "role eq "+query.Quote(role))
		}
		return ask, readAsk(ask, manage.AssignmentColumns(), conditions, shown.List.Order)
	})
	if err != nil {
		return err
	}
	shown.List.Shown, shown.List.Total = len(found.Entries), found.Total
	for i, one := range found.Entries {
		row := x.assignmentRow(one, shown.MayWrite)
		if i > 0 && found.Entries[i-1].Name() == row.Name() {
			row.About = "" // said once is enough
		}
		shown.Rows = append(shown.Rows, row)
	}
	shown.Filter = &ui.Input{Name: "role", Kind: kindSelect, Label: x.t("roles.role"), Bare: true, Options: []ui.Option{{Text: x.t("roles.any")}}}
	for _, name := range roleNames() {
		shown.Filter.Options = append(shown.Filter.Options, ui.Option{Value: string(name), Text: string(name), Selected: role == string(name)})
	}
	return x.renderAs(status, "roles", x.t("nav.roles"), shown)
}

func (x *visit) assignmentRow(one *manage.Assignment, mayWrite bool) assignmentRow {
	row := assignmentRow{Assignment: one, About: x.aboutAll(one), Where: x.where(one.Scope, one.ScopeName)}
	elsewhere := one.Scope == directory.OnOrganization && one.ScopeID != x.caller.Identity.Organization
	switch {
	case one.HolderName == "":
		row.Person = named{Name: x.t("roles.gone")}
	case elsewhere:
		row.Person = named{Name: one.HolderName}
	case one.HolderGroup:
		row.Person = x.groupNamed(one.Holder, one.HolderName)
	default:
		row.Person = x.personNamed(one.Holder, one.HolderName)
	}
	if mayWrite {
		row.Remove = pathRoles + "/" + string(one.ID) + "/remove"
	}
	return row
}

// aboutAll says what an assignment gives, by its role or by each of its rights.
func (x *visit) aboutAll(one *manage.Assignment) string {
	if one.Role != "" {
		return x.about(string(one.Role))
	}
	var texts []string
	for _, right := range one.Rights {
		texts = append(texts, x.about(string(right)))
	}
	return strings.Join(texts, " ")
}

// personNamed is an identity, with its page for who may read it.
func (x *visit) personNamed(id directory.ID, name string) named {
	if !x.may(manage.ReadIdentity) {
		return named{Name: name}
	}
	return named{pathPeople + "/" + string(id), name}
}

// tokenUsers tells who may use personal tokens.
func (x *visit) tokenUsers() (*tokenUsers, error) {
	found, err := x.manager.TokenUsers(x.context(), x.caller)
	if err != nil {
		return nil, err
	}
	users := &tokenUsers{TokenUsers: found, Who: usersNobody}
	if users.Group, err = x.groupInput("group", x.t("people.group"), takesMembers); err != nil {
		return nil, err
	}
	users.Group.Required = false // of one of the choices only
	users.Group.Bare = true
	switch {
	case found.Everyone:
		users.Who = usersEveryone
	case len(found.Groups) > 0:
		users.Who = usersGroup
		enter(users.Group, found.Groups[0].Name)
	}
	for _, group := range found.Groups {
		users.Groups = append(users.Groups, x.groupNamed(group.ID, group.Name))
	}
	for _, person := range found.People {
		users.People = append(users.People, x.personNamed(person.ID, person.Name))
	}
	return users, nil
}

// setTokenUsers says who may use personal tokens.
func (x *visit) setTokenUsers() error {
	var name string
	who := x.field("who")
	switch who {
	case usersNobody:
		name = directory.Nobody
	case usersEveryone:
		name = directory.Everyone
	case usersGroup:
		name = x.field("group")
	default:
		return errForm
	}
	err := x.manager.SetTokenUsers(x.context(), x.caller, manage.Given(name))
	if err == nil {
		return x.done(pathRoles, "token_users")
	}
	if !errors.Is(err, manage.ErrNotFound) {
		return err
	}
	users, err := x.tokenUsers()
	if err != nil {
		return err
	}
	users.Who = who
	enter(users.Group, name)
	users.Group.Error = x.t("roles.group.unknown")
	return x.showRoles(http.StatusBadRequest, users)
}
