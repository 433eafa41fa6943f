package exchange

import (
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/pat"
)

// Credential is a token as it was sent, not yet parsed. The zero value is no
// credential and proves nothing.
type Credential struct {
	username string // the token's id, with HTTP Basic or a form's client_id
	text     secret.Text
	basic    bool
}

// TokenCredential is a whole token: a subject_token, a Bearer token.
func TokenCredential(text secret.Text) Credential { return Credential{text: text} }

// BasicCredential is a token's id with its secret or the whole token: HTTP
// Basic, or client_id and client_secret.
func BasicCredential(username string, password secret.Text) Credential {
	return Credential{username: username, text: password, basic: true}
}

func (c Credential) parse(format pat.Format) (pat.Token, error) {
	if c.basic {
		return format.ParseBasic(c.username, c.text.Reveal())
	}
	return format.Parse(c.text.Reveal())
}
