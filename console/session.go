package console

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/manage"
)

// resume finds out who is signed in. Where somebody must be and nobody is, it leads to
// the login; the caller is nil then.
func (x *visit) resume(public bool) error {
	caller, err := x.signedIn()
	if err != nil {
		return err
	}
	if caller == nil {
		if public {
			return nil
		}
		return x.toLogin()
	}
	x.caller = caller
	identity := &caller.Identity
	x.view.User = &ui.User{Name: first(identity.DisplayName, identity.Username), Username: identity.Username, Organization: caller.Access.OrganizationName()}
	x.view.Nav = x.navigation()
	httpx.RequestLogFrom(x.r.Context()).Add(zap.String("actor", string(identity.ID)))
	return nil
}

// signedIn returns who acts by the session, as of now: nil if there is none, or if who
// signed in may not act any more.
func (x *visit) signedIn() (*manage.Caller, error) {
	id, ok := x.sessions.Identity(x.r.Context())
	if !ok {
		return nil, nil //nolint:nilnil // nobody is no error
	}
	caller, err := x.manager.Resume(x.r.Context(), directory.ID(id), httpx.OriginFrom(x.r.Context()))
	if errors.Is(err, manage.ErrMayNotAct) {
		return nil, x.sessions.SignOut(x.r.Context())
	}
	return caller, err
}

// toLogin leads to the login, and from there back to the page that was asked for. The
// script is told to have the whole page loaded.
func (x *visit) toLogin() error {
	if x.swapping() {
		x.w.WriteHeader(http.StatusUnauthorized)
		return nil
	}
	to := pathLogin
	if x.r.Method == http.MethodGet && x.r.URL.Path != Path {
		to += "?" + url.Values{"return": {x.r.URL.RequestURI()}}.Encode()
	}
	return x.redirect(to)
}

// maxReturn is how long a path is that is kept through a login, in bytes: whoever asks
// can have it stored.
const maxReturn = 1 << 10

// returnPath is a page of the console to go on to; home for anything else. A link that
// somebody sends must not lead out of the console: nor by a fragment, whose dots
// http.Redirect takes for those of a path.
func returnPath(text string) string {
	parsed, err := url.Parse(text)
	if err != nil || len(text) > maxReturn || strings.Contains(text, "#") || parsed.IsAbs() || parsed.Host != "" || parsed.User != nil || !strings.HasPrefix(text, Path) ||
		strings.ContainsAny(text, "\\\r\n\t") {
		return Path
	}
	if clean := path.Clean(parsed.Path); parsed.Path != clean && parsed.Path != clean+"/" { // what would be resolved
		return Path
	}
	return text
}
