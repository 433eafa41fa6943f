package console

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/manage"
)

const (
	pathLogin  = "/console/login"
	pathLink   = "/console/link"
	pathSetup  = "/console/setup"
	pathLogout = "/console/logout"
)

// What links that work once are for.
const (
	LinkSignIn = "sign-in" // its subject is an identity
	LinkSetup  = "setup"   // its subject is the name of an organization
)

// LinkURL is the address of a link that works once.
func LinkURL(issuer, purpose string, token secret.Text) string {
	path := pathLink
	if purpose == LinkSetup {
		path = pathSetup
	}
	return issuer + path + "?token=" + token.Reveal()
}

// signInPages are the pages for who is not signed in.
func signInPages() map[string]page {
	return map[string]page{
		"login":          {get: (*visit).login, post: (*visit).begin, public: true},
		"login/callback": {get: (*visit).finish, public: true},
		"logout":         {get: (*visit).askLogout, post: (*visit).logout, public: true},
		"link":           {get: (*visit).link, post: (*visit).openLink, public: true},
		"setup":          {get: (*visit).setup, post: (*visit).runSetup, public: true},
	}
}

// loginPage is where people sign in.
type loginPage struct {
	Provider string // where the identities are; empty: nowhere
	Return   string
}

// login shows how to sign in.
func (x *visit) login() error {
	if x.caller != nil {
		return x.redirect(returnPath(x.query("return")))
	}
	shown := &loginPage{Return: returnPath(x.query("return"))}
	if x.provider != nil {
		shown.Provider = x.provider.Name
		x.w.Header().Set("Content-Security-Policy", x.provider.policy())
	}
	return x.render("login", x.t("login.title"), shown)
}

// askLogout asks who is signed in whether to log out, and tells others that they are.
func (x *visit) askLogout() error {
	if x.caller == nil {
		return x.render("loggedout", x.t("logout.done"), nil)
	}
	return x.ask(&ask{Title: x.t("logout.title"), Lead: x.t("logout.lead"), Submit: x.t("layout.log_out"), Cancel: Path})
}

// logout ends the session, here and at the provider.
func (x *visit) logout() error {
	idToken, byProvider := x.sessions.Pop(x.r.Context(), keptIDToken)
	if err := x.sessions.SignOut(x.r.Context()); err != nil {
		return err
	}
	x.caller, x.view.User, x.view.Nav = nil, nil, nil
	return x.leave(secret.New(idToken), byProvider)
}

// enterAs signs somebody in and leads on.
func (x *visit) enterAs(id directory.ID, path string) error {
	if err := x.sessions.SignIn(x.r.Context(), string(id)); err != nil {
		return err
	}
	return x.redirect(path)
}

// linkPage asks before a link that works once is used: what reads mail follows links
// too.
type linkPage struct {
	Token string
	Name  string
	Works bool
}

// link shows whom a link signs in.
func (x *visit) link() error {
	shown := &linkPage{Token: x.query("token")}
	subject, found, err := x.links.Peek(x.r.Context(), LinkSignIn, secret.New(shown.Token))
	if err != nil {
		return err
	}
	if found {
		person, err := x.manager.PersonOfLink(x.r.Context(), directory.ID(subject))
		if err != nil && !errors.Is(err, manage.ErrMayNotAct) {
			return err
		}
		if err == nil {
			shown.Name, shown.Works = first(person.DisplayName, person.Username), true
		}
	}
	return x.showLink(shown)
}

func (x *visit) showLink(shown *linkPage) error {
	status := http.StatusOK
	if !shown.Works {
		status = http.StatusNotFound
	}
	return x.renderAs(status, "link", x.t("link.title"), shown)
}

// openLink uses a link up and signs in whom it is for.
func (x *visit) openLink() error {
	subject, found, err := x.links.Open(x.r.Context(), LinkSignIn, secret.New(x.field("token")))
	if err != nil {
		return err
	}
	if !found {
		return x.wrongLink()
	}
	identity, err := x.manager.SignInByLink(x.r.Context(), directory.ID(subject), httpx.OriginFrom(x.r.Context()))
	if errors.Is(err, manage.ErrMayNotAct) {
		return x.showLink(&linkPage{})
	}
	if err != nil {
		return err
	}
	return x.enterAs(identity.ID, Path)
}

// wrongLink answers a link that does not work, as often as one client may fail.
func (x *visit) wrongLink() error {
	if retry, limited := x.failures.Failed(httpx.ClientAddrFrom(x.r.Context()), ""); limited {
		return &exchange.ThrottledError{RetryAfter: retry}
	}
	x.manager.SignInFailed("link", httpx.OriginFrom(x.r.Context()))
	return x.showLink(&linkPage{})
}

// setupPage makes the first administrator.
type setupPage struct {
	Token    string
	Works    bool
	Username *ui.Input
	Name     *ui.Input
	Group    *ui.Input
	Who      string // nobody, everyone or group
	Problems []string
}

// What the answers to who may use tokens are called in the form.
const (
	whoNobody   = "nobody"
	whoEveryone = "everyone"
	whoGroup    = "group"
)

func (x *visit) setupForm(token string) *setupPage {
	const maxName = 255
	return &setupPage{
		Token: token, Who: whoNobody,
		Username: &ui.Input{Name: "username", Kind: kindText, Label: x.t("setup.username"), Value: "admin", Required: true, Max: maxName},
		Name:     &ui.Input{Name: "displayName", Kind: kindText, Label: x.t("setup.name"), Value: "Administrator", Required: true, Max: maxName},
		Group:    &ui.Input{Name: "group", Kind: kindText, Label: x.t("setup.group"), Hint: x.t("setup.group.hint"), Bare: true, Max: maxName},
	}
}

// setup asks who administers, and who may use tokens.
func (x *visit) setup() error {
	form := x.setupForm(x.query("token"))
	_, works, err := x.setupLink(form.Token)
	if err != nil {
		return err
	}
	form.Works = works
	return x.showSetup(form, http.StatusOK)
}

func (x *visit) showSetup(form *setupPage, status int) error {
	if !form.Works {
		status = http.StatusNotFound
	}
	return x.renderAs(status, "setup", x.t("setup.title"), form)
}

// setupAgain is how long a link works once more by which the console could not be set up.
const setupAgain = time.Hour

// runSetup makes the first administrator and signs them in. The link works again if the
// form has a fault.
func (x *visit) runSetup() error {
	form := x.setupForm(x.field("token"))
	organization, works, err := x.setupLink(form.Token)
	if err != nil {
		return err
	}
	if form.Works = works; !works {
		return x.showSetup(form, http.StatusNotFound)
	}
	for _, in := range []*ui.Input{form.Username, form.Name, form.Group} {
		in.Value = x.field(in.Name)
	}
	form.Who = x.field("who")
	if form.users() == "" {
		form.Group.Error = x.t("setup.group.missing")
		return x.showSetup(form, http.StatusBadRequest)
	}
	x.settingUp.Lock()
	defer x.settingUp.Unlock()
	form.Works, err = x.takeSetupLink(form.Token)
	if err != nil {
		return err
	}
	if !form.Works {
		return x.showSetup(form, http.StatusNotFound)
	}
	made, err := x.manager.SetUp(x.r.Context(), manage.Setup{
		Organization: organization, Username: form.Username.Value, DisplayName: form.Name.Value, Users: form.users(),
	}, httpx.OriginFrom(x.r.Context()))
	if err != nil {
		again := x.links.Restore(context.WithoutCancel(x.r.Context()), LinkSetup, secret.New(form.Token), organization, setupAgain)
		status, causes, mendable := x.mend(setupFault(err))
		if !mendable || again != nil {
			return errors.Join(err, again)
		}
		form.Problems = blame([]*ui.Input{form.Username, form.Name, form.Group}, causes)
		return x.showSetup(form, status)
	}
	if _, err := x.manager.SignInByLink(x.r.Context(), made.Identity.ID, httpx.OriginFrom(x.r.Context())); err != nil {
		return err
	}
	return x.enterAs(made.Identity.ID, Path+"?done=set-up")
}

// setupLink returns the organization that a link sets up. It works until there is an
// administrator, also one that was made otherwise.
func (x *visit) setupLink(token string) (organization string, works bool, err error) {
	organization, found, err := x.links.Peek(x.r.Context(), LinkSetup, secret.New(token))
	if err != nil || !found {
		return "", false, err
	}
	works, err = x.manager.SetupNeeded(x.r.Context(), organization)
	return organization, works, err
}

// takeSetupLink uses a link up that still works: of several forms at once one has the link,
// and whoever comes by another link finds an administrator.
func (x *visit) takeSetupLink(token string) (works bool, err error) {
	if _, works, err = x.setupLink(token); err != nil || !works {
		return false, err
	}
	_, works, err = x.links.Open(x.r.Context(), LinkSetup, secret.New(token))
	return works, err
}

// setupFault tells what is wrong with the form.
func setupFault(err error) error {
	if _, ok := errors.AsType[*manage.AdministratorError](err); ok || errors.Is(err, manage.ErrUsernameTaken) {
		return &fieldError{"username", "setup.taken", nil}
	}
	if errors.Is(err, directory.ErrReserved) {
		return &fieldError{"group", "setup.reserved", nil}
	}
	return err
}

// users is the group that may use tokens; empty if none was named.
func (p *setupPage) users() string {
	switch p.Who {
	case whoNobody:
		return directory.Nobody
	case whoEveryone:
		return directory.Everyone
	default:
		return strings.TrimSpace(p.Group.Value)
	}
}
