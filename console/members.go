package console

import (
	"errors"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/manage"
)

// takesMembers reports whether somebody can be put into a group: Nobody never has
// members, and all are in Everyone.
func takesMembers(group *manage.Group) bool {
	return !slices.Contains([]string{directory.Nobody, directory.Everyone}, group.Name)
}

// mostSuggestions is how many people are offered whose names are like what was entered.
const mostSuggestions = 10

// askedMembers returns a group of which somebody is to become a member, or one no more.
func (x *visit) askedMembers(action manage.Action) (*manage.Group, error) {
	if err := x.mustMay(action); err != nil {
		return nil, err
	}
	group, err := x.manager.GroupAlone(x.context(), x.caller, x.id())
	if err != nil {
		return nil, err
	}
	if !x.manager.MayGroup(x.caller, action, group) {
		return nil, manage.ErrNotFound
	}
	return group, nil
}

// addMember puts somebody into a group by their username. Who may see everybody is
// offered those whose names are like it.
func (x *visit) addMember() error {
	group, err := x.askedMembers(manage.WriteMembers)
	if err != nil {
		return err
	}
	path := groupRowOf(group).Path
	form := &ask{
		Title: x.t("groups.add.title", group.Name), Lead: x.t("people.join.lead"), Submit: x.t("people.join.submit"), Cancel: path,
		Inputs: []*ui.Input{{Name: "username", Kind: kindText, Label: x.t("people.username"), Required: true, Max: maxLabel, Autofocus: true}},
	}
	if given, err := x.givenBy(x.id()); err != nil {
		return err
	} else if len(given) > 0 {
		form.Lead = x.t("groups.add.gives", strings.Join(given, ", "))
	}
	if !x.posted() {
		return x.ask(form)
	}
	chosen, err := x.chosenMember(form)
	if err == nil {
		err = x.manager.AddMember(x.context(), x.caller, x.id(), chosen)
	}
	if err != nil {
		return x.retry(form, err)
	}
	return x.done(path, "member_added")
}

// chosenMember is the id of whom the form names. It offers others if there is nobody of
// that username.
func (x *visit) chosenMember(form *ask) (string, error) {
	if id := x.field("person"); id != "" {
		return id, nil
	}
	found, err := x.manager.MemberByUsername(x.context(), x.caller, x.id(), x.field("username"))
	if err == nil {
		return string(found.ID), nil
	}
	if !errors.Is(err, manage.ErrNotFound) {
		return "", err
	}
	text, err := x.suggest(form)
	if err != nil {
		return "", err
	}
	return "", &fieldError{"username", text, nil}
}

// suggest adds a choice of people whose names are like what was entered, for who may
// see them, and returns the name of the text that says so.
func (x *visit) suggest(form *ask) (text string, err error) {
	wanted := x.field("username")
	if wanted == "" || !x.may(manage.ReadIdentity) {
		return "groups.nobody", nil
	}
	found, err := x.manager.SearchPeople(x.context(), x.caller, manage.Given(&manage.Search[directory.Identity]{
		Ask:   manage.Ask{Limit: mostSuggestions},
		Where: func(one *directory.Identity) bool { return contains(wanted, one.Username, one.DisplayName, one.Email) },
	}))
	if err != nil || len(found.Entries) == 0 {
		return "groups.nobody", err
	}
	choice := &ui.Input{Name: "person", Kind: kindSelect, Label: x.t("groups.did_you_mean"), Bare: true, Options: []ui.Option{{Text: x.t("groups.none_of_them")}}}
	for _, one := range found.Entries {
		choice.Options = append(choice.Options, ui.Option{Value: string(one.ID), Text: first(one.DisplayName, one.Username) + " · " + one.Username})
	}
	form.Inputs = append(form.Inputs, choice)
	return "groups.choose_below", nil
}

// dropMember takes somebody out of the group that the page is about.
func (x *visit) dropMember() error {
	group, err := x.askedMembers(manage.WriteMembers)
	if err != nil {
		return err
	}
	found, err := x.manager.Members(x.context(), x.caller, x.id(), func() (*manage.Ask, error) {
		ask := &manage.Ask{Limit: 1}
		return ask, readAsk(ask, manage.IdentityColumns(), []string{"id eq " + query.Quote(x.r.PathValue("member"))}, "username")
	})
	if err != nil {
		return err
	}
	if len(found.Entries) == 0 {
		return manage.ErrNotFound
	}
	row := x.personRow(found.Entries[0])
	return x.removeMember(&ask{Submit: x.t("people.leave.submit")}, string(group.ID), &row, groupRowOf(group).Path)
}

// removeMember asks about taking somebody out of a group, says what they lose by it,
// does it, and leads back.
func (x *visit) removeMember(form *ask, groupID string, row *personRow, back string) error {
	group, err := x.manager.GroupAlone(x.context(), x.caller, groupID)
	if err != nil {
		return err
	}
	form.Title, form.Cancel = x.t("people.leave.title", row.Label(), group.Name), back
	given, err := x.givenBy(groupID)
	if err != nil {
		return err
	}
	form.Consequences = []string{x.t("people.leave.at_once")}
	if len(given) > 0 {
		form.Consequences = []string{x.t("people.leave.loses", strings.Join(given, ", "))}
	}
	if !x.posted() {
		return x.ask(form)
	}
	if err := x.manager.RemoveMember(x.context(), x.caller, groupID, string(row.ID)); err != nil {
		return x.retry(form, err)
	}
	return x.done(back, "member_removed")
}

// nest puts a group into another.
func (x *visit) nest() error {
	group, err := x.askedMembers(manage.WriteGroup)
	if err != nil {
		return err
	}
	path := groupRowOf(group).Path + "/nested"
	in, err := x.groupInput("group", x.t("people.group"), func(other *manage.Group) bool {
		return other.ID != group.ID && other.Name != directory.Nobody && !slices.Contains(group.ChildGroups, other.ID)
	})
	if err != nil {
		return err
	}
	form := &ask{Title: x.t("groups.nest.title", group.Name), Lead: x.t("groups.nest.lead"), Submit: x.t("people.join.submit"), Cancel: path, Inputs: []*ui.Input{in}}
	if !x.posted() {
		return x.ask(form)
	}
	child, err := x.groupByName("group")
	if err == nil {
		err = x.manager.AddChild(x.context(), x.caller, x.id(), string(child.ID))
	}
	if errors.Is(err, directory.ErrCycle) {
		err = &fieldError{"group", "groups.cycle", nil}
	}
	if err != nil {
		return x.retry(form, err)
	}
	return x.done(path, "group_nested")
}

// unnest takes a group out of another.
func (x *visit) unnest() error {
	group, err := x.askedMembers(manage.WriteGroup)
	if err != nil {
		return err
	}
	child := directory.ID(x.r.PathValue("child"))
	if !slices.Contains(group.ChildGroups, child) {
		return manage.ErrNotFound
	}
	form := &ask{
		Title: x.t("people.leave.title", group.ChildNames[child], group.Name), Submit: x.t("people.leave.submit"), Cancel: groupRowOf(group).Path + "/nested",
		Consequences: []string{x.t("groups.unnest.loses")},
	}
	if !x.posted() {
		return x.ask(form)
	}
	if err := x.manager.RemoveChild(x.context(), x.caller, x.id(), string(child)); err != nil {
		return x.retry(form, err)
	}
	return x.done(form.Cancel, "group_unnested")
}

// nameTaken says at the field of the name that another thing has it, or that it means
// something else.
func nameTaken(err error) error {
	switch {
	case errors.Is(err, directory.ErrNameTaken):
		return &fieldError{"name", "groups.taken", nil}
	case errors.Is(err, directory.ErrReserved):
		return &fieldError{"name", "groups.reserved_name", nil}
	default:
		return err
	}
}
