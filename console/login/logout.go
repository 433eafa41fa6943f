package login

import (
	"context"
	"net/url"

	"github.com/cambio-sts/cambio/internal/secret"
)

// maxHint is how long an ID token may be, in bytes, to go into a URL, which servers
// bound. Without it the provider asks who it is that logs out.
const maxHint = 4 << 10

// LogoutURL returns where the browser is sent to end the session at the provider too
// (OpenID Connect RP-Initiated Logout 1.0 §2), with the ID token that the login got,
// or none. False if the provider has no such place, or cannot be asked now: the
// console's own session ends without it.
func (p *Provider) LogoutURL(ctx context.Context, idToken secret.Text) (string, bool) {
	known, err := p.discover(ctx)
	if err != nil || known.endSession == "" {
		return "", false
	}
	u, err := url.Parse(known.endSession)
	if err != nil {
		return "", false
	}
	query := u.Query()
	query.Set("client_id", p.config.ClientID)
	if hint := idToken.Reveal(); hint != "" && len(hint) <= maxHint {
		query.Set("id_token_hint", hint)
	}
	if p.config.PostLogoutURL != "" {
		query.Set("post_logout_redirect_uri", p.config.PostLogoutURL)
	}
	u.RawQuery = query.Encode()
	return u.String(), true
}
