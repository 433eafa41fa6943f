package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// detailPage is one token.
type detailPage struct {
	*shelf
	*manage.Token

	Badge, OwnerBadge badge
	Soon              bool
	Actions           []action
	Timeline          *manage.Timeline
	JWTSeconds        int
}

// action leads to a page that asks before something is done to a token.
type action struct {
	Path, Text string
	Danger     bool
	Dialog     bool
}

// detail shows a token: what it is, who used it, and what can be done to it.
func (s *shelf) detail() error {
	token, err := s.find()
	if err != nil {
		return err
	}
	row := s.row(token)
	shown := &detailPage{shelf: s, Token: token, Badge: row.Badge, OwnerBadge: row.OwnerBadge, Soon: row.Soon, Actions: s.actions(token), JWTSeconds: int(token.JWTLife / time.Second)}
	if shown.Timeline, err = s.manager.TokenTimeline(s.context(), s.caller, string(token.ID)); err != nil {
		return err
	}
	return s.render("token", token.Name, shown)
}

// uses is how often a token was used, day by day: the page has it put in once it is
// shown, as a great trail is looked through.
func (s *shelf) uses() error {
	token, err := s.find()
	if err != nil {
		return err
	}
	counted, err := s.manager.Activity(s.context(), s.caller, manage.ActivityAsk{Days: activityDays[0], Token: string(token.ID)})
	if err != nil {
		return err
	}
	return s.part("token", "uses", s.usesByDay(counted))
}

// Way is the pages above one of a token.
func (s *shelf) Way() []crumb { return append(slices.Clone(s.Up), crumb{s.Base, s.Title}) }

// actions are what the caller may do to a token as it is now.
func (s *shelf) actions(token *manage.Token) []action {
	var all []action
	add := func(may bool, page, text string, danger, dialog bool) {
		if may {
			all = append(all, action{s.At(token.ID, page), s.t(text), danger, dialog})
		}
	}
	usable := token.Status == pat.Active
	add(s.may(manage.ChangeToken, token) && (usable || token.Status == pat.Expired), "edit", "token.edit", false, false)
	add(s.may(manage.ChangeToken, token) && usable, "rotate", "token.rotate", false, true)
	return append(all, s.changes(token)...)
}

// changes are what the caller may do to the status of a token, as it is now.
func (s *shelf) changes(token *manage.Token) []action {
	var all []action
	add := func(may bool, page, text string, danger bool) {
		if may {
			all = append(all, action{s.At(token.ID, page), s.t(text), danger, true})
		}
	}
	usable := token.Status == pat.Active || token.Status == pat.Expired
	if s.Personal() {
		add(s.may(manage.RevokeToken, token) && usable, "revoke", "token.revoke", true)
	} else {
		add(s.may(manage.RevokeToken, token) && usable, "revoke", "token.disable", false)
		add(s.may(manage.RevokeToken, token) && token.Reactivatable, "enable", "token.enable", false)
	}
	add(s.may(manage.DeleteToken, token), "delete", "token.delete", true)
	return all
}

// asked returns a token that is to be asked about, and the form's beginning, to whoever may
// do it.
func (s *shelf) asked(personal manage.Action, title, submit string, inputs ...*ui.Input) (*manage.Token, *ask, error) {
	token, err := s.find()
	if err == nil {
		err = s.refusal(personal, token)
	}
	if err != nil {
		return nil, nil, err
	}
	return token, &ask{Title: s.t(title, token.Name), Submit: s.t(submit), Cancel: s.At(token.ID, ""), Inputs: inputs}, nil
}

// posted reports whether the form was sent.
func (x *visit) posted() bool { return x.r.Method == http.MethodPost }

// revoke ends a token, or disables that of a group or organization.
func (s *shelf) revoke() error {
	title, submit := "revoke.title", "revoke.submit"
	if !s.Personal() {
		title, submit = "disable.title", "disable.submit"
	}
	reason := &ui.Input{Name: "reason", Kind: kindSelect, Label: s.t("revoke.reason"), Required: true}
	for _, one := range []pat.Reason{pat.Other, pat.Unused, pat.Compromised} {
		reason.Options = append(reason.Options, ui.Option{Value: string(one), Text: s.t("reason." + string(one))})
	}
	cascade := &ui.Input{Name: "cascade", Kind: kindCheckbox, Label: s.t("revoke.cascade"), Hint: s.t("revoke.cascade.hint")}
	token, form, err := s.asked(manage.RevokeToken, title, submit, reason, cascade)
	if err != nil {
		return err
	}
	form.Danger = s.Personal()
	form.Consequences = []string{s.t("revoke.at_once"), s.t("revoke.jwts")}
	if s.Personal() {
		form.Consequences = append(form.Consequences, s.t("revoke.final"))
	} else {
		form.Consequences = append(form.Consequences, s.t("disable.reversible"), s.t("disable.leaked"))
	}
	if !token.LastUsed.IsZero() {
		form.Lead = s.t("revoke.last_used", s.view.TimeText(token.LastUsed))
	}
	if !s.posted() {
		return s.ask(form)
	}
	how := pat.End{Reason: pat.Reason(s.field("reason")), Reversible: !s.Personal(), Cascade: s.ticked("cascade")}
	if !slices.Contains([]pat.Reason{pat.Other, pat.Unused, pat.Compromised}, how.Reason) {
		return s.again(form, &fieldError{"reason", "revoke.reason.wrong", nil})
	}
	if err := s.end(s.id(), how); err != nil {
		return s.again(form, err)
	}
	if s.Personal() {
		return s.done(form.Cancel, "revoked")
	}
	return s.done(form.Cancel, "disabled")
}

// enable makes the token of a group or organization usable again.
func (s *shelf) enable() error {
	_, form, err := s.asked(manage.RevokeToken, "enable.title", "enable.submit")
	if err != nil {
		return err
	}
	form.Consequences = []string{s.t("enable.works"), s.t("enable.jwts")}
	if !s.posted() {
		return s.ask(form)
	}
	if _, err := s.manager.ReactivateLevelToken(s.context(), s.caller, *s.Level, s.id(), nil); err != nil {
		return s.again(form, err)
	}
	return s.done(form.Cancel, "enabled")
}

// remove deletes a token.
func (s *shelf) remove() error {
	token, form, err := s.asked(manage.DeleteToken, "delete.title", "delete.submit")
	if err != nil {
		return err
	}
	form.Danger = true
	form.Consequences = []string{s.t("delete.gone"), s.t("delete.audit")}
	if token.Status == pat.Active {
		form.Consequences = append([]string{s.t("revoke.at_once")}, form.Consequences...)
	}
	if !s.posted() {
		return s.ask(form)
	}
	if err := s.erase(s.id()); err != nil {
		return s.again(form, err)
	}
	return s.done(s.Base, "deleted")
}

// graces are how long both secrets of a rotated token may work, in hours.
var graces = []int{0, 1, 24, 168, 720}

func (s *shelf) rotateForm() (*ask, error) {
	grace := &ui.Input{Name: "grace", Kind: kindSelect, Label: s.t("rotate.grace"), Hint: s.t("rotate.grace.hint"), Required: true}
	for _, hours := range graces {
		grace.Options = append(grace.Options, ui.Option{Value: strconv.Itoa(hours), Text: s.t("rotate.grace." + strconv.Itoa(hours)), Selected: hours == int(pat.DefaultGrace/time.Hour)})
	}
	_, form, err := s.asked(manage.ChangeToken, "rotate.title", "rotate.submit", grace)
	if err != nil {
		return nil, err
	}
	form.Consequences = []string{s.t("rotate.same"), s.t("rotate.both"), s.t("rotate.none")}
	return form, nil
}

// askRotate asks how a token gets another secret.
func (s *shelf) askRotate() error {
	form, err := s.rotateForm()
	if err != nil {
		return err
	}
	return s.ask(form)
}

// rotate gives a token another secret and shows it.
func (s *shelf) rotate() error {
	form, err := s.rotateForm()
	if err != nil {
		return err
	}
	hours, err := strconv.Atoi(s.field("grace"))
	if err != nil || !slices.Contains(graces, hours) {
		return s.again(form, &fieldError{"grace", "rotate.grace.wrong", nil})
	}
	grace := time.Duration(hours) * time.Hour
	token, made, err := s.turn(s.id(), manage.Rotation{Grace: &grace})
	if err != nil {
		return s.again(form, err)
	}
	return s.showSecret(token, made, true)
}

// edit changes what of a token can be changed.
func (s *shelf) edit() error {
	token, form, err := s.asked(manage.ChangeToken, "edit.title", "edit.submit")
	if err != nil {
		return err
	}
	form.Inputs = s.editInputs(token)
	if !s.posted() {
		return s.ask(form)
	}
	seen := s.field("etag")
	_, err = s.update(s.id(), func(etag string) bool { return etag == seen }, s.change)
	if err != nil {
		return s.again(form, err)
	}
	return s.done(form.Cancel, "changed")
}

const keepExpiry = "keep"

func (s *shelf) editInputs(token *manage.Token) []*ui.Input {
	networks := make([]string, len(token.Networks))
	for i, network := range token.Networks {
		networks[i] = network.String()
	}
	expiry := &ui.Input{Name: "expires", Kind: kindSelect, Label: s.t("create.expires"), Required: true}
	now := s.t("tokens.never_expires")
	if !token.Expires.IsZero() {
		now = s.view.TimeText(token.Expires)
	}
	expiry.Options = append(expiry.Options, ui.Option{Value: keepExpiry, Text: s.t("edit.keep", now), Selected: true})
	for _, one := range s.presets() {
		text := one.Text
		if one.Says != "" && one.Value != lifeNever {
			text += ": " + one.Says
		}
		expiry.Options = append(expiry.Options, ui.Option{Value: one.Value, Text: text})
	}
	const maxName, maxDescription = 255, 1000
	return []*ui.Input{
		{Name: "etag", Kind: kindHidden, Value: token.ETag()},
		{Name: "name", Kind: kindText, Label: s.t("tokens.name"), Value: token.Name, Required: true, Max: maxName},
		{Name: "description", Kind: kindTextArea, Label: s.t("tokens.description"), Value: token.Description, Max: maxDescription},
		expiry,
		{Name: "customDate", Kind: kindDate, Label: s.t("edit.custom_date"), Bare: true, Least: s.view.Day(s.now())},
		{Name: "scope", Kind: kindTextArea, Label: s.t("tokens.scope"), Hint: s.t("edit.scope.hint"), Value: strings.Join(token.Scope, "\n"), Bare: true},
		{Name: "allowedNetworks", Kind: kindTextArea, Label: s.t("create.networks"), Hint: s.t("create.networks.hint"), Value: strings.Join(networks, "\n")},
	}
}

// change reads the form of a change; what is as before does not change.
func (s *shelf) change(before *manage.Token) (pat.Change, error) {
	networks, err := pat.ParseNetworks("allowedNetworks", s.lines("allowedNetworks"))
	if err != nil {
		return pat.Change{}, err
	}
	change := pat.Change{Networks: &networks}
	name, description, scope := s.field("name"), s.field("description"), strings.Fields(s.field("scope"))
	if name != before.Name {
		change.Name = &name
	}
	if description != before.Description {
		change.Description = &description
	}
	if !slices.Equal(scope, before.Scope) {
		change.Scope = &scope
	}
	if slices.Equal(networks, before.Networks) {
		change.Networks = nil
	}
	if chosen := s.field("expires"); chosen != keepExpiry {
		at, never, err := s.expiration(chosen)
		if err != nil {
			return pat.Change{}, err
		}
		change.Expiration, change.NeverExpiresAcknowledged = &at, &never
	}
	return change, nil
}
