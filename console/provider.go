package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/console/login"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/manage"
)

// Login is how people sign in by an OpenID provider.
type Login struct {
	Provider     *login.Provider
	Name         string // of the provider, as people are told it
	Origin       string // of the provider: scheme, host and port
	Organization string // that people sign in to first, by name
	Rules        manage.SignInRules
	Begun        Throttle // of who begins a login: each is stored, and may have the provider asked
}

// What a session keeps on the way of a login.
const (
	keptAttempt = "attempt"
	keptReturn  = "return"
	keptIDToken = "id_token"
)

// CallbackPath is where the provider sends the browser back to.
const CallbackPath = pathLogin + "/callback"

// LoggedOutPath is where the provider sends the browser to after a logout.
const LoggedOutPath = pathLogout

// errNoProvider says that there is no other way in than links.
var errNoProvider = errors.New("no identity provider is configured")

// loginError is what a login came to.
type loginError struct{ error }

func (e *loginError) Unwrap() error { return e.error }

// policy is the policy of the page from which a form leads to the provider.
// Browsers hold each redirect of a form to form-action, and a provider may send people
// on to another: any https will do, besides the provider itself. The form says nothing
// but where in the console to go afterwards.
func (l *Login) policy() string {
	return strings.Replace(policy, "form-action 'self'", "form-action 'self' https: "+l.Origin, 1)
}

// begin sends the browser to the provider (RFC 9700 §2.1.1, §4.12).
func (x *visit) begin() error {
	if x.provider == nil {
		return errNoProvider
	}
	if retry, limited := x.provider.Begun.Failed(httpx.ClientAddrFrom(x.r.Context()), ""); limited {
		return &exchange.ThrottledError{RetryAfter: retry}
	}
	to, attempt, err := x.provider.Provider.Begin(x.r.Context())
	if err != nil {
		return &loginError{err}
	}
	kept, err := json.Marshal(attempt)
	if err != nil {
		return err
	}
	if err := x.sessions.Put(x.r.Context(), keptAttempt, string(kept)); err != nil {
		return err
	}
	if err := x.sessions.Put(x.r.Context(), keptReturn, returnPath(x.field("return"))); err != nil {
		return err
	}
	return x.redirect(to)
}

// finish takes what the provider answered. An attempt is good for one answer.
func (x *visit) finish() error {
	if x.provider == nil {
		return errNoPage
	}
	var attempt login.Attempt
	kept, _ := x.sessions.Pop(x.r.Context(), keptAttempt)
	if err := json.Unmarshal([]byte(kept), &attempt); err != nil {
		return x.notLetIn(login.ErrState)
	}
	to, _ := x.sessions.Pop(x.r.Context(), keptReturn)
	person, err := x.provider.Provider.Finish(x.r.Context(), attempt, x.r.URL.Query())
	if err != nil {
		return x.notLetIn(err)
	}
	signedIn, err := x.manager.SignIn(x.r.Context(), x.provider.Organization, &manage.Assertion{
		Issuer: person.Issuer, Subject: person.Subject, Key: person.Key, Username: person.Username, DisplayName: person.DisplayName,
		Email: person.Email, Groups: person.Groups,
	}, x.provider.Rules, httpx.OriginFrom(x.r.Context()))
	if err != nil {
		return &loginError{err}
	}
	httpx.RequestLogFrom(x.r.Context()).Add(zap.Strings("unknown_groups", signedIn.UnknownGroups), zap.Strings("kept_groups", signedIn.KeptGroups))
	if err := x.sessions.SignIn(x.r.Context(), string(signedIn.Identity.ID)); err != nil {
		return err
	}
	if x.sessions.Put(x.r.Context(), keptIDToken, person.IDToken.Reveal()) != nil { // it is too long, for a hint as well
		_ = x.sessions.Put(x.r.Context(), keptIDToken, "") // that they came from the provider
	}
	return x.redirect(returnPath(to))
}

// notLetIn records that somebody came back and is not signed in, as often as one client
// may fail.
func (x *visit) notLetIn(err error) error {
	if errors.Is(err, fault.ErrUnavailable) { // nothing was decided
		return &loginError{err}
	}
	reason := "provider"
	switch _, refused := errors.AsType[*login.RefusedError](err); {
	case refused:
		reason = "provider_refused"
	case errors.Is(err, login.ErrState):
		reason = "state"
	}
	if retry, limited := x.failures.Failed(httpx.ClientAddrFrom(x.r.Context()), ""); limited {
		return &exchange.ThrottledError{RetryAfter: retry}
	}
	x.manager.SignInFailed(reason, httpx.OriginFrom(x.r.Context()))
	return &loginError{err}
}

// leavePage leads out of the console, to the provider.
type leavePage struct{ To string }

// leave ends the session at the provider too, if it began there (OpenID Connect RP-Initiated Logout 1.0).
// The page leads there by itself: a redirect of the form would need every page to
// allow it.
func (x *visit) leave(idToken secret.Text, byProvider bool) error {
	if x.provider != nil && byProvider {
		if to, ok := x.provider.Provider.LogoutURL(x.r.Context(), idToken); ok {
			return x.render("leave", x.t("leave.title"), &leavePage{To: to})
		}
	}
	return x.redirect(pathLogout)
}

// loginProblem says what a login came to.
func loginProblem(err error) (status int, text string) {
	if _, refused := errors.AsType[*login.RefusedError](err); refused {
		return http.StatusForbidden, "login.refused"
	}
	for _, one := range []struct {
		is     error
		status int
		text   string
	}{
		{fault.ErrUnavailable, http.StatusServiceUnavailable, "login.unreachable"},
		{login.ErrState, http.StatusBadRequest, "login.stale"},
		{login.ErrToken, http.StatusBadGateway, "login.invalid"},
		{login.ErrOverage, http.StatusBadGateway, "login.overage"},
		{login.ErrProvider, http.StatusBadGateway, "login.unusable"},
		{manage.ErrUnknownPerson, http.StatusForbidden, "login.unknown"},
		{manage.ErrLinked, http.StatusForbidden, "login.linked"},
		{manage.ErrAmbiguous, http.StatusForbidden, "login.linked"},
		{manage.ErrMayNotAct, http.StatusForbidden, "login.disabled"},
		{manage.ErrNoOrganization, http.StatusBadGateway, "login.unusable"},
	} {
		if errors.Is(err, one.is) {
			return one.status, one.text
		}
	}
	return http.StatusForbidden, "login.unfit"
}
