package console

import (
	"context"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// shelf is where tokens lie: the personal ones of an organization, or those of one
// group or organization. The pages of all are the same.
type shelf struct {
	*visit

	Base  string        // path of the list
	Level *manage.Level // nil: personal
	Title string        // of the list
	Up    []crumb       // the pages above the list
	Tabs  []tab         // the pages beside the list
}

// crumb is a page above.
type crumb struct{ Path, Text string }

// on makes the handler of a page of personal tokens.
func on(answer func(*shelf) error) func(*visit) error {
	return func(x *visit) error {
		return answer(&shelf{visit: x, Base: "/console/tokens", Title: x.t("tokens.title")})
	}
}

// onOrganization makes the handler of a page of the tokens of the caller's
// organization.
func onOrganization(answer func(*shelf) error) func(*visit) error {
	return func(x *visit) error {
		const path = "/console/organization"
		level := &manage.Level{Of: pat.Organization, ID: string(x.caller.Identity.Organization)}
		return answer(&shelf{
			visit: x, Base: path + "/tokens", Level: level, Title: x.t("tokens.of", x.caller.Access.OrganizationName()),
			Up: []crumb{{path, x.caller.Access.OrganizationName()}}, Tabs: x.organizationTabs(path + "/tokens"),
		})
	}
}

// onGroup makes the handler of a page of the tokens of a group.
func onGroup(answer func(*shelf) error) func(*visit) error {
	return func(x *visit) error {
		group, err := x.manager.GroupAlone(x.r.Context(), x.caller, x.r.PathValue("group"))
		if err != nil {
			return err
		}
		path := "/console/groups/" + string(group.ID)
		return answer(&shelf{
			visit: x, Base: path + "/tokens", Level: &manage.Level{Of: pat.Group, ID: string(group.ID)}, Title: x.t("tokens.of", group.Name),
			Up: []crumb{{"/console/groups", x.t("nav.groups")}, {path, group.Name}}, Tabs: x.groupTabs(group, path+"/tokens"),
		})
	}
}

// tokenPages are the pages of tokens, on each shelf.
func tokenPages() map[string]page {
	all := map[string]page{}
	for base, at := range map[string]func(func(*shelf) error) func(*visit) error{
		"tokens": on, "organization/tokens": onOrganization, "groups/{group}/tokens": onGroup,
	} {
		ask := func(answer func(*shelf) error) page { return page{get: at(answer), post: at(answer)} }
		all[base] = page{get: at((*shelf).list)}
		all[base+"/summary"] = page{get: at((*shelf).summary)}
		all[base+"/new"] = page{get: at((*shelf).blank), post: at((*shelf).create)}
		all[base+"/{id}"] = page{get: at((*shelf).detail)}
		all[base+"/{id}/uses"] = page{get: at((*shelf).uses)}
		all[base+"/{id}/edit"] = ask((*shelf).edit)
		all[base+"/{id}/rotate"] = page{get: at((*shelf).askRotate), post: at((*shelf).rotate)}
		all[base+"/{id}/revoke"] = ask((*shelf).revoke)
		all[base+"/{id}/delete"] = ask((*shelf).remove)
		if base != "tokens" {
			all[base+"/{id}/enable"] = ask((*shelf).enable)
		}
	}
	return all
}

// Personal reports whether the tokens are people's own.
func (s *shelf) Personal() bool { return s.Level == nil }

// At is the path of a page of a token.
func (s *shelf) At(id pat.ID, page string) string {
	if page != "" {
		page = "/" + page
	}
	return s.Base + "/" + string(id) + page
}

func (s *shelf) context() context.Context { return s.r.Context() }

// find returns the token that the path names.
func (s *shelf) find() (*manage.Token, error) {
	if s.Personal() {
		return s.manager.Token(s.context(), s.caller, s.id())
	}
	return s.manager.LevelToken(s.context(), s.caller, *s.Level, s.id())
}

func (s *shelf) tokens(owner directory.ID, ask *manage.Ask) (manage.Page[*manage.Token], error) {
	if s.Personal() {
		return s.manager.Tokens(s.context(), s.caller, owner, manage.Given(ask))
	}
	return s.manager.LevelTokens(s.context(), s.caller, *s.Level, manage.Given(ask))
}

func (s *shelf) summarize(owner directory.ID) (*manage.TokenSummary, error) {
	if s.Personal() {
		return s.manager.TokenSummary(s.context(), s.caller, owner)
	}
	return s.manager.LevelTokenSummary(s.context(), s.caller, *s.Level)
}

func (s *shelf) make(draft manage.Input[*pat.Draft]) (pat.Token, *manage.Token, error) {
	if s.Personal() {
		return s.manager.CreateToken(s.context(), s.caller, draft)
	}
	return s.manager.CreateLevelToken(s.context(), s.caller, *s.Level, draft)
}

func (s *shelf) update(id string, match manage.Match, change manage.TokenChange) (*manage.Token, error) {
	if s.Personal() {
		return s.manager.UpdateToken(s.context(), s.caller, id, match, change)
	}
	return s.manager.UpdateLevelToken(s.context(), s.caller, *s.Level, id, match, change)
}

func (s *shelf) turn(id string, how manage.Rotation) (pat.Token, *manage.Token, error) {
	if s.Personal() {
		return s.manager.RotateToken(s.context(), s.caller, id, nil, manage.Given(how))
	}
	return s.manager.RotateLevelToken(s.context(), s.caller, *s.Level, id, nil, manage.Given(how))
}

func (s *shelf) end(id string, how pat.End) error {
	var err error
	if s.Personal() {
		_, err = s.manager.RevokeToken(s.context(), s.caller, id, nil, manage.Given(how))
	} else {
		_, err = s.manager.RevokeLevelToken(s.context(), s.caller, *s.Level, id, nil, manage.Given(how))
	}
	return err
}

func (s *shelf) erase(id string) error {
	if s.Personal() {
		return s.manager.DeleteToken(s.context(), s.caller, id, nil)
	}
	return s.manager.DeleteLevelToken(s.context(), s.caller, *s.Level, id, nil)
}

// may reports whether the caller may do something to a token.
func (s *shelf) may(personal manage.Action, token *manage.Token) bool {
	if s.Personal() {
		return s.manager.MayToken(s.caller, personal, token)
	}
	return s.manager.MayToken(s.caller, manage.ManageLevelToken, token)
}

// refusal says why the caller may not do something to a token; nil if they may.
func (s *shelf) refusal(personal manage.Action, token *manage.Token) error {
	if s.Personal() {
		return s.manager.RefusalOfToken(s.caller, personal, token)
	}
	return s.manager.RefusalOfToken(s.caller, manage.ManageLevelToken, token)
}

// tone is how a status looks.
func tone(status pat.Status) string {
	switch status {
	case pat.Active:
		return "ok"
	case pat.Expired:
		return "warn"
	default:
		return "bad"
	}
}

// ownerTone is how the status of an owner looks.
func ownerTone(status directory.Status) string {
	switch status {
	case directory.Active:
		return ""
	case directory.Inactive:
		return "warn"
	default:
		return "bad"
	}
}

// status is the badge of a token.
func statusBadge(x *ui.View, token *manage.Token) badge {
	return badge{tone(token.Status), x.Or("status."+string(token.Status), string(token.Status))}
}

// badge is a state to be shown.
type badge struct{ Tone, Text string }
