package console

import (
	"errors"
	"net/url"
	"time"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// personPage is one identity.
type personPage struct {
	personRow

	Up          []crumb
	Technical   bool
	Actions     []action
	Memberships []membership
	AddGroup    string // where groups are added; empty: the caller may not
	MayRoles    bool
	Held        []heldRow
	Tokens      string // where their tokens are; empty: the caller may not see them
	InactiveAt  time.Time
}

// membership is a group that somebody is a direct member of.
type membership struct {
	named

	Remove string // leads out of it; empty: the caller may not
}

// person shows an identity: who it is, how it logs in, what it belongs to and holds.
func (x *visit) person() error {
	identity, err := x.manager.Identity(x.context(), x.caller, x.id())
	if err != nil {
		return err
	}
	shown := &personPage{
		personRow: x.personRow(identity), Up: []crumb{{pathPeople, x.t("nav.people")}}, Technical: identity.Type == directory.TechnicalUser,
		MayRoles: x.may(manage.ReadRoles),
	}
	mayWrite := x.may(manage.WriteIdentity) && !shown.Technical
	if mayWrite {
		shown.Actions = x.personActions(&shown.personRow)
		shown.AddGroup = shown.Path + "/groups/add"
	}
	for _, id := range identity.Groups {
		one := membership{named: x.groupNamed(id, identity.GroupNames[id])}
		if mayWrite {
			one.Remove = shown.Path + "/groups/" + string(id) + "/remove"
		}
		shown.Memberships = append(shown.Memberships, one)
	}
	if shown.MayRoles {
		held, err := x.manager.HeldBy(x.context(), x.caller, x.id())
		if err != nil {
			return err
		}
		shown.Held = x.heldRows(held)
	}
	if x.caller.May(directory.ReadAllTokens) {
		shown.Tokens = "/console/tokens?" + url.Values{"of": {"all"}, "who": {identity.Username}}.Encode()
	}
	if at, ever := identity.InactiveAt(x.caller.Policy); ever {
		shown.InactiveAt = at
	}
	return x.render("person", shown.Label(), shown)
}

// personActions are what the caller may do to a person.
func (x *visit) personActions(row *personRow) []action {
	actions := []action{{row.Path + "/edit", x.t("people.edit"), false, false}}
	mayEnd := row.ID != x.caller.Identity.ID && (!row.BuiltInAdministrator || x.may(manage.AssignPlatform))
	switch {
	case !row.Enabled:
		actions = append(actions, action{row.Path + "/enable", x.t("people.enable"), false, true})
	case mayEnd:
		actions = append(actions, action{row.Path + "/disable", x.t("people.disable"), false, true})
	}
	actions = append(actions, action{row.Path + "/sessions", x.t("people.end_sessions"), false, true})
	if mayEnd {
		actions = append(actions, action{row.Path + "/delete", x.t("people.delete"), true, true})
	}
	return actions
}

// personInputs ask for what of a person can be said.
func (x *visit) personInputs(identity *directory.Identity, known bool) []*ui.Input {
	inputs := []*ui.Input{
		{Name: "username", Kind: kindText, Label: x.t("people.username"), Hint: x.t("people.username.hint"), Value: identity.Username, Required: true, Max: maxLabel, Autofocus: true},
		{Name: "displayName", Kind: kindText, Label: x.t("people.name"), Value: identity.DisplayName, Max: maxLabel},
		{Name: "email", Kind: kindText, Label: x.t("people.email"), Hint: x.t("people.email.hint"), Value: identity.Email, Max: maxLabel},
		{Name: "externalId", Kind: kindText, Label: x.t("people.external_id"), Hint: x.t("people.external_id.hint"), Value: identity.ExternalID, Max: maxLabel},
	}
	if known {
		inputs = append(inputs,
			&ui.Input{Name: "issuer", Kind: kindText, Label: x.t("people.issuer"), Value: identity.Issuer, Max: maxIssuerInput},
			&ui.Input{Name: "subject", Kind: kindText, Label: x.t("people.subject"), Hint: x.t("people.subject.hint"), Value: identity.Subject, Max: maxLabel},
		)
	}
	return inputs
}

// readPerson takes what was entered.
func (x *visit) readPerson(identity *directory.Identity, known bool) {
	identity.Username, identity.DisplayName = x.field("username"), x.field("displayName")
	identity.Email, identity.ExternalID = x.field("email"), x.field("externalId")
	if known {
		identity.Issuer, identity.Subject = x.field("issuer"), x.field("subject")
	}
}

// newPerson makes a person.
func (x *visit) newPerson() error {
	form := &ask{
		Title: x.t("people.create"), Lead: x.t("people.create.lead"), Submit: x.t("people.create.submit"), Cancel: pathPeople,
		Inputs: x.personInputs(&directory.Identity{}, false),
	}
	if !x.posted() {
		return x.askIf(manage.WriteIdentity, form)
	}
	made, err := x.manager.CreateIdentity(x.context(), x.caller, func() (directory.Identity, error) {
		draft := directory.Identity{Enabled: true}
		x.readPerson(&draft, false)
		return draft, nil
	})
	if errors.Is(err, directory.ErrNameTaken) {
		return x.again(form, &fieldError{"username", "people.taken", nil})
	}
	if err != nil {
		return x.again(form, err)
	}
	return x.done(pathPeople+"/"+string(made.ID), "person_created")
}

// askedPerson returns a person that is to be asked about, and the form's beginning.
func (x *visit) askedPerson(title, submit string) (*personRow, *ask, error) {
	if err := x.mustMay(manage.WriteIdentity); err != nil {
		return nil, nil, err
	}
	identity, err := x.manager.Identity(x.context(), x.caller, x.id())
	if err != nil {
		return nil, nil, err
	}
	if identity.Type == directory.TechnicalUser {
		return nil, nil, manage.ErrTechnical
	}
	row := x.personRow(identity)
	return &row, &ask{Title: x.t(title, row.Label()), Submit: x.t(submit), Cancel: row.Path}, nil
}

// editPerson changes who somebody is and how they log in.
func (x *visit) editPerson() error {
	row, form, err := x.askedPerson("people.edit.title", "edit.submit")
	if err != nil {
		return err
	}
	form.Inputs = append([]*ui.Input{{Name: "etag", Kind: kindHidden, Value: row.ETag()}}, x.personInputs(&row.Identity.Identity, true)...)
	form.Consequences = []string{x.t("people.edit.logins")}
	if !x.posted() {
		return x.ask(form)
	}
	seen, relinked := x.field("etag"), false
	_, err = x.manager.UpdateIdentity(x.context(), x.caller, x.id(), func(etag string) bool { return etag == seen }, func(now *directory.Identity) error {
		before := *now
		x.readPerson(now, true)
		relinked = before.Subject != "" && (before.Issuer != now.Issuer || before.Subject != now.Subject)
		return nil
	})
	if errors.Is(err, directory.ErrNameTaken) {
		return x.again(form, &fieldError{"", "people.taken_login", nil})
	}
	if err == nil && relinked { // whoever has the login from before is somebody else now
		err = x.sessions.EndAll(x.context(), string(row.ID))
	}
	if err != nil {
		return x.retry(form, err)
	}
	return x.done(row.Path, "person_changed")
}

// setEnabled lets somebody act, or not. Enabled again, they log in anew: a session that was
// not used meanwhile does not come back.
func (x *visit) setEnabled(form *ask, row *personRow, enabled bool, done string) error {
	_, err := x.manager.UpdateIdentity(x.context(), x.caller, x.id(), nil, func(now *directory.Identity) error {
		now.Enabled = enabled
		return nil
	})
	if err == nil && !enabled {
		err = x.sessions.EndAll(x.context(), string(row.ID))
	}
	if err != nil {
		return x.retry(form, err)
	}
	return x.done(row.Path, done)
}

// askedEnding is askedPerson with what depends on the person.
func (x *visit) askedEnding(title, submit string) (*personRow, *ask, *manage.Ending, error) {
	row, form, err := x.askedPerson(title, submit)
	if err != nil {
		return nil, nil, nil, err
	}
	end, err := x.manager.IdentityEnding(x.context(), x.caller, x.id())
	return row, form, end, err
}

// disablePerson keeps somebody from acting, in person or by a token.
func (x *visit) disablePerson() error {
	row, form, end, err := x.askedEnding("people.disable.title", "people.disable.submit")
	if err != nil {
		return err
	}
	form.Danger = true
	form.Consequences = []string{x.t("people.disable.login"), x.t("people.disable.tokens", end.Usable), x.t("people.disable.back")}
	if !x.posted() {
		return x.ask(form)
	}
	return x.setEnabled(form, row, false, "person_disabled")
}

// enablePerson lets somebody act again.
func (x *visit) enablePerson() error {
	row, form, end, err := x.askedEnding("people.enable.title", "people.enable.submit")
	if err != nil {
		return err
	}
	form.Consequences = []string{x.t("people.enable.login"), x.t("people.enable.tokens", end.Usable)}
	if !x.posted() {
		return x.ask(form)
	}
	return x.setEnabled(form, row, true, "person_enabled")
}

// endSessions logs somebody out everywhere.
func (x *visit) endSessions() error {
	row, form, err := x.askedPerson("people.sessions.title", "people.sessions.submit")
	if err != nil {
		return err
	}
	form.Consequences = []string{x.t("people.sessions.out"), x.t("people.sessions.tokens")}
	if row.ID == x.caller.Identity.ID {
		form.Consequences = append(form.Consequences, x.t("people.sessions.self"))
	}
	if !x.posted() {
		return x.ask(form)
	}
	identity, err := x.manager.EndSessions(x.context(), x.caller, x.id())
	if err != nil {
		return x.again(form, err)
	}
	if err := x.sessions.EndAll(x.context(), string(identity.ID)); err != nil {
		return err
	}
	return x.done(row.Path, "sessions_ended")
}

// deletePerson removes somebody with all that is theirs.
func (x *visit) deletePerson() error {
	_, form, end, err := x.askedEnding("people.delete.title", "people.delete.submit")
	if err != nil {
		return err
	}
	form.Danger = true
	form.Consequences = []string{x.t("people.delete.tokens", end.Tokens, end.Usable), x.t("people.delete.roles", end.Roles), x.t("people.delete.final")}
	form.Lead = x.t("people.delete.lead")
	if !x.posted() {
		return x.ask(form)
	}
	if err := x.manager.DeleteIdentity(x.context(), x.caller, x.id(), nil); err != nil {
		return x.retry(form, err)
	}
	return x.done(pathPeople, "person_deleted")
}

// joinGroup puts somebody into a group.
func (x *visit) joinGroup() error {
	row, form, err := x.askedPerson("people.join.title", "people.join.submit")
	if err != nil {
		return err
	}
	in, err := x.groupInput("group", x.t("people.group"), func(group *manage.Group) bool { return takesMembers(group) && row.GroupNames[group.ID] == "" })
	if err != nil {
		return err
	}
	form.Inputs, form.Lead = []*ui.Input{in}, x.t("people.join.lead")
	if !x.posted() {
		return x.ask(form)
	}
	group, err := x.groupByName("group")
	if err == nil {
		err = x.manager.AddMember(x.context(), x.caller, string(group.ID), x.id())
	}
	if err != nil {
		return x.retry(form, err)
	}
	return x.done(row.Path, "member_added")
}

// leaveGroup takes somebody out of a group.
func (x *visit) leaveGroup() error {
	row, form, err := x.askedPerson("people.leave.title", "people.leave.submit")
	if err != nil {
		return err
	}
	return x.removeMember(form, x.r.PathValue("group"), row, row.Path)
}
