package login

import (
	"context"
	"crypto/rand"
	"encoding/base64"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Attempt is one login under way. The caller keeps it where only the browser that
// began it leads, for one Finish and a few minutes.
type Attempt struct {
	State    string `json:"state"`    // 256 random bits, as are the others
	Nonce    string `json:"nonce"`    // in the ID token (OpenID Connect Core 1.0 §15.5.2)
	Verifier string `json:"verifier"` // of the code (RFC 7636)
}

// Begin returns where the browser is sent to log in, and the attempt that it is. The
// answer comes to the redirect URL as a GET. Errors: fault.ErrUnavailable, ErrProvider.
func (p *Provider) Begin(ctx context.Context) (string, Attempt, error) {
	known, err := p.discover(ctx)
	if err != nil {
		return "", Attempt{}, err
	}
	attempt := Attempt{State: random(), Nonce: random(), Verifier: random()}
	return known.oauth.AuthCodeURL(attempt.State, oidc.Nonce(attempt.Nonce), oauth2.S256ChallengeOption(attempt.Verifier)), attempt, nil
}

// random returns 256 random bits in 43 characters.
func random() string {
	var bits [32]byte
	_, _ = rand.Read(bits[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(bits[:])
}
