package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// createPage is the form of a new token.
type createPage struct {
	*shelf

	Name, Description, Networks, Life *ui.Input
	AdminRole, Acknowledge            *ui.Input

	Reach     string // which scopes: all, default or some
	Offers    []offer
	MoreScope *ui.Input
	Presets   []preset
	Custom    *ui.Input
	Problems  []string
	Policy    *directory.Policy
	Advanced  bool // something there was entered
}

// offer is a service that the token can be meant for, with the scopes that the caller
// has there.
type offer struct {
	Audience, Name string
	Chosen         bool
	Any            bool
	Scopes         []ui.Option
}

// preset is a life that a token may be given.
type preset struct {
	Value, Text, Says string
	Chosen            bool
}

// What the choices of scopes are called in the form.
const (
	reachAll     = "all"
	reachDefault = "default"
	reachSome    = "some"
)

// What the choices of a life besides a number of days are called in the form.
const (
	lifeCustom = "custom"
	lifeNever  = "never"
)

const day = 24 * time.Hour

// lastYear is the last one that RFC 3339 can write.
const lastYear = 9999

// presetDays are the lives that are offered.
var presetDays = []int{7, 30, 60, 90, 365}

// blank shows the form of a new token.
func (s *shelf) blank() error {
	form, err := s.createForm()
	if err != nil {
		return err
	}
	return s.render("create", s.t("tokens.create"), form)
}

// createForm is the form, to whoever may send it.
func (s *shelf) createForm() (*createPage, error) {
	if !s.mayCreate() {
		return nil, s.refuseCreate()
	}
	const maxName, maxDescription = 255, 1000
	form := &createPage{
		shelf: s, Policy: s.caller.Policy, Reach: reachAll,
		Name:        &ui.Input{Name: "name", Kind: kindText, Label: s.t("tokens.name"), Hint: s.t("create.name.hint"), Required: true, Max: maxName, Autofocus: true},
		Description: &ui.Input{Name: "description", Kind: kindTextArea, Label: s.t("tokens.description"), Max: maxDescription},
		MoreScope:   &ui.Input{Name: "scope", Kind: kindText, Label: s.t("create.more_scope"), Hint: s.t("create.more_scope.hint")},
		Networks:    &ui.Input{Name: "allowedNetworks", Kind: kindTextArea, Label: s.t("create.networks"), Hint: s.t("create.networks.hint")},
		Life: &ui.Input{
			Name: "accessTokenValiditySeconds", Kind: kindNumber, Label: s.t("create.life"),
			Hint:  s.t("create.life.hint", s.caller.Policy.DefaultAccessTokenSeconds, s.caller.Policy.MaxAccessTokenSeconds),
			Least: strconv.Itoa(int(pat.MinAccessTokenLife / time.Second)), Most: strconv.Itoa(int(pat.MaxAccessTokenLife / time.Second)),
		},
		Custom: &ui.Input{
			Name: "customDate", Kind: kindDate, Label: s.t("create.custom_date"), Bare: true, Least: s.view.Day(s.now()),
		},
	}
	if !s.Personal() {
		form.AdminRole = &ui.Input{Name: "adminRole", Kind: kindCheckbox, Label: s.t("create.admin_role"), Hint: s.t("create.admin_role.hint")}
	}
	for _, service := range s.manager.Offers(s.caller) {
		one := offer{Audience: service.Audience, Name: first(service.Name, service.Audience), Any: service.AnyScope}
		for _, scope := range s.manager.Offered(s.caller, service) {
			one.Scopes = append(one.Scopes, ui.Option{Value: scope, Text: scope})
		}
		form.Offers = append(form.Offers, one)
	}
	form.Presets = s.presets()
	return form, nil
}

// refuseCreate is the error of the use case, which knows what the caller lacks.
func (s *shelf) refuseCreate() error {
	_, _, err := s.make(func() (*pat.Draft, error) { return nil, manage.ErrNotFound })
	return err
}

// presets are the lives that the policy allows.
func (s *shelf) presets() []preset {
	policy := s.caller.Policy
	longest := time.Duration(policy.MaxLifetimeSeconds) * time.Second
	var offered []preset
	for _, days := range presetDays {
		life := time.Duration(days) * day
		if longest > 0 && life > longest {
			continue
		}
		offered = append(offered, preset{
			Value: strconv.Itoa(days), Text: s.t("create.days", days), Says: s.t("create.expires_on", s.view.DateText(s.now().Add(life))),
		})
	}
	offered = append(offered, preset{Value: lifeCustom, Text: s.t("create.custom")})
	if policy.AllowNeverExpire && longest == 0 {
		offered = append(offered, preset{Value: lifeNever, Text: s.t("create.never"), Says: s.t("create.never_expires")})
	}
	chosen := 0
	if len(offered) > 1 && offered[1].Value == "30" {
		chosen = 1
	}
	offered[chosen].Chosen = true
	return offered
}

// create makes a token and shows its secret, or the form again.
func (s *shelf) create() error {
	form, err := s.createForm()
	if err != nil {
		return err
	}
	token, made, err := s.make(form.draft)
	if err == nil {
		return s.showSecret(token, made, false)
	}
	status, causes, mendable := s.mend(err)
	if !mendable {
		return err
	}
	form.refill(causes)
	return s.renderAs(status, "create", s.t("tokens.create"), form)
}

// draft reads the form.
func (p *createPage) draft() (*pat.Draft, error) {
	networks, err := pat.ParseNetworks("allowedNetworks", p.lines("allowedNetworks"))
	if err != nil {
		return nil, err
	}
	draft := &pat.Draft{
		Name: p.field("name"), Description: p.field("description"), Audience: p.r.PostForm["audience"], Networks: networks,
		AdminRole: p.AdminRole != nil && p.ticked("adminRole"), Scope: p.scopes(),
	}
	if text := p.field("accessTokenValiditySeconds"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < int(pat.MinAccessTokenLife/time.Second) || seconds > int(pat.MaxAccessTokenLife/time.Second) {
			return nil, &fieldError{"accessTokenValiditySeconds", "create.life.wrong", []any{int(pat.MinAccessTokenLife / time.Second), int(pat.MaxAccessTokenLife / time.Second)}}
		}
		draft.AccessTokenLife = time.Duration(seconds) * time.Second
	}
	draft.Expiration, draft.NeverExpiresAcknowledged, err = p.expiration(p.field("expires"))
	return draft, err
}

// scopes are those that were chosen.
func (p *createPage) scopes() []string {
	switch p.field("reach") {
	case reachSome:
		chosen := slices.Clone(p.r.PostForm["scopes"])
		return append(chosen, strings.Fields(p.field("scope"))...)
	case reachDefault:
		return []string{pat.ScopeDefault}
	default:
		return []string{pat.ScopeAll}
	}
}

// expiration reads a choice of a life: when it ends, or that it never does.
func (x *visit) expiration(chosen string) (at time.Time, never bool, err error) {
	switch chosen {
	case lifeNever:
		return time.Time{}, true, nil
	case lifeCustom:
		at, err = x.endOfDay(x.field("customDate"))
		return at, false, err
	default:
		days, err := strconv.Atoi(chosen)
		if err != nil || days < 1 || days > 366 {
			return time.Time{}, false, &fieldError{"expires", "create.expires.wrong", nil}
		}
		return x.now().Add(time.Duration(days) * day), false, nil
	}
}

// endOfDay is when a day ends where the reader is; by the policy at the latest, if
// that is on the same day.
func (x *visit) endOfDay(text string) (time.Time, error) {
	begin, err := time.ParseInLocation(time.DateOnly, text, x.view.Zone())
	if err != nil {
		return time.Time{}, &fieldError{"customDate", "create.date.wrong", nil}
	}
	end := begin.AddDate(0, 0, 1)
	if end.UTC().Year() > lastYear {
		return time.Time{}, &fieldError{"customDate", "create.date.wrong", nil}
	}
	latest := x.now().Add(time.Duration(x.caller.Policy.MaxLifetimeSeconds) * time.Second)
	if x.caller.Policy.MaxLifetimeSeconds > 0 && end.After(latest) && !begin.After(latest) {
		end = latest
	}
	return end, nil
}

// refill puts into the form what was entered, and tells what is wrong with it.
func (p *createPage) refill(causes []cause) {
	form := p.r.PostForm
	inputs := []*ui.Input{p.Name, p.Description, p.MoreScope, p.Networks, p.Life, p.Custom}
	if p.AdminRole != nil {
		inputs = append(inputs, p.AdminRole)
	}
	for _, in := range inputs {
		enter(in, form.Get(in.Name))
	}
	p.Reach = first(form.Get("reach"), reachAll)
	for i := range p.Offers {
		p.Offers[i].Chosen = slices.Contains(form["audience"], p.Offers[i].Audience)
		for j := range p.Offers[i].Scopes {
			p.Offers[i].Scopes[j].Selected = slices.Contains(form["scopes"], p.Offers[i].Scopes[j].Value)
		}
	}
	for i := range p.Presets {
		p.Presets[i].Chosen = p.Presets[i].Value == form.Get("expires")
	}
	for i := range causes {
		if causes[i].Field == "expirationDate" || causes[i].Field == "expires" {
			causes[i].Field = p.Custom.Name
		}
	}
	p.Problems = blame(inputs, causes)
	p.Advanced = p.Networks.Value != "" || p.Life.Value != "" || len(form["audience"]) > 0
}

// secretPage shows a secret, once.
type secretPage struct {
	*shelf

	Token         *manage.Token
	Rotated       bool
	Whole, Secret string
	Snippets      []snippet
}

// showSecret answers with the page of a new secret. It is the answer to the form
// itself, so that no address and no history leads to it.
func (s *shelf) showSecret(token pat.Token, made *manage.Token, rotated bool) error {
	shown := &secretPage{shelf: s, Token: made, Rotated: rotated, Whole: token.Reveal().Reveal(), Secret: token.Secret().Reveal()}
	shown.Snippets = s.snippets(shown)
	return s.renderAs(http.StatusOK, "secret", s.t("secret.title", made.Name), shown)
}
