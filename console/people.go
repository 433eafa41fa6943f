package console

import (
	"net/url"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/manage"
)

// peoplePages are the pages of identities.
func peoplePages() map[string]page {
	both := func(answer func(*visit) error) page { return page{get: answer, post: answer} }
	return map[string]page{
		"people":                            {get: (*visit).people},
		"people/new":                        both((*visit).newPerson),
		"people/{id}":                       {get: (*visit).person},
		"people/{id}/edit":                  both((*visit).editPerson),
		"people/{id}/disable":               both((*visit).disablePerson),
		"people/{id}/enable":                both((*visit).enablePerson),
		"people/{id}/sessions":              both((*visit).endSessions),
		"people/{id}/delete":                both((*visit).deletePerson),
		"people/{id}/groups/add":            both((*visit).joinGroup),
		"people/{id}/groups/{group}/remove": both((*visit).leaveGroup),
	}
}

// peoplePage is a list of identities.
type peoplePage struct {
	Tabs      []tab
	Technical bool // the users behind tokens, not people
	MayCreate bool
	List      *ui.List
	Rows      []personRow
	Search    *ui.Input
	Status    *ui.Input
}

// personRow is an identity in the list.
type personRow struct {
	*manage.Identity

	Path  string
	Badge badge
}

// Label is what people call the identity.
func (r *personRow) Label() string { return first(r.DisplayName, r.Username) }

func (x *visit) personRow(identity *manage.Identity) personRow {
	return personRow{identity, pathPeople + "/" + string(identity.ID), personBadge(x.view, identity.Status)}
}

// technicalUsers is the value of the parameter type that lists them.
const technicalUsers = "technical"

// people lists identities.
func (x *visit) people() error {
	asked := url.Values{}
	for _, name := range []string{"type", "q", "status"} {
		if value := x.query(name); value != "" {
			asked.Set(name, value)
		}
	}
	shown := &peoplePage{Technical: asked.Get("type") == technicalUsers, MayCreate: x.may(manage.WriteIdentity)}
	shown.Tabs = []tab{
		{pathPeople, x.t("people.people"), !shown.Technical},
		{pathPeople + "?type=" + technicalUsers, x.t("people.technical"), shown.Technical},
	}
	shown.List = &ui.List{Path: pathPeople, Query: asked, Order: first(x.query("sort"), "username"), Offset: offset(x.query("offset"))}
	found, err := x.manager.SearchIdentities(x.context(), x.caller, func() (*manage.Search[directory.Identity], error) {
		return peopleAsk(asked, shown.List)
	})
	if err != nil {
		return err
	}
	shown.List.Shown, shown.List.Total = len(found.Entries), found.Total
	for _, identity := range found.Entries {
		shown.Rows = append(shown.Rows, x.personRow(identity))
	}
	shown.Search = &ui.Input{Name: "q", Kind: "search", Label: x.t("people.search"), Value: asked.Get("q"), Bare: true, Max: maxLabel}
	shown.Status = &ui.Input{Name: "status", Kind: kindSelect, Label: x.t("people.status"), Bare: true, Options: []ui.Option{{Text: x.t("tokens.any_status")}}}
	for _, status := range []directory.Status{directory.Active, directory.Inactive, directory.Disabled} {
		name := string(status)
		shown.Status.Options = append(shown.Status.Options, ui.Option{Value: name, Text: x.view.Or("person."+name, name), Selected: asked.Get("status") == name})
	}
	return x.render("people", x.t("nav.people"), shown)
}

// peopleAsk turns what a page of people is asked for into what the use case takes.
func peopleAsk(asked url.Values, list *ui.List) (*manage.Search[directory.Identity], error) {
	search := &manage.Search[directory.Identity]{Ask: manage.Ask{Limit: ui.PageSize, Offset: list.Offset, Count: true}}
	kind := directory.User
	if asked.Get("type") == technicalUsers {
		kind = directory.TechnicalUser
	}
	conditions := []string{"type eq " + query.Quote(string(kind))}
	if status := asked.Get("status"); status != "" {
		conditions = append(conditions, "userStatus eq "+query.Quote(status))
	}
	if wanted := asked.Get("q"); wanted != "" {
		search.Where = func(identity *directory.Identity) bool {
			return contains(wanted, identity.Username, identity.DisplayName, identity.Email, identity.ExternalID)
		}
	}
	return search, readAsk(&search.Ask, manage.IdentityColumns(), conditions, list.Order)
}
