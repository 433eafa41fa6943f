package peers

import (
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// TestGoOIDC: go-oidc finds the server and verifies what x/oauth2 and a token
// exchange obtain.
func TestGoOIDC(t *testing.T) {
	for name, start := range worlds() {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			ctx := w.context(t)
			provider, err := oidc.NewProvider(ctx, w.Issuer)
			require.NoError(t, err)
			for alg, audience := range w.Audiences {
				bob, err := w.bobsTokens(provider.Endpoint().TokenURL, audience, w.Bob.Secret).Token(ctx)
				require.NoError(t, err)
				require.Equal(t, "Bearer", bob.Type())
				alice := w.exchange(t, provider.Endpoint().TokenURL, audience, "")
				for name, token := range map[string]string{"bob": bob.AccessToken, "alice": alice} {
					t.Run(alg+" "+name, func(t *testing.T) { requireIDToken(t, w, provider, audience, token) })
				}
			}
			_, err = w.bobsTokens(provider.Endpoint().TokenURL, w.Audiences["ES256"], altered(w.Bob.Secret)).Token(ctx)
			var refused *oauth2.RetrieveError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, "invalid_client", refused.ErrorCode)
		})
	}
}

func requireIDToken(t *testing.T, w *world, provider *oidc.Provider, audience, token string) {
	t.Helper()
	ctx := w.context(t)
	verifier := provider.Verifier(&oidc.Config{ClientID: audience})
	verified, err := verifier.Verify(ctx, token)
	require.NoError(t, err)
	require.Equal(t, []string{audience}, verified.Audience)
	require.NotEmpty(t, verified.Subject)
	_, err = verifier.Verify(ctx, tampered(token))
	require.ErrorContains(t, err, "failed to verify signature")
	_, err = provider.Verifier(&oidc.Config{ClientID: elsewhere}).Verify(ctx, token)
	require.ErrorContains(t, err, "expected audience")
}

// TestGoOIDCUserInfo: the scope openid, and no other, opens userinfo.
func TestGoOIDCUserInfo(t *testing.T) {
	w := newDev(t)
	ctx := w.context(t)
	provider, err := oidc.NewProvider(ctx, w.Issuer)
	require.NoError(t, err)
	audience := w.Audiences["ES256"]
	source := func(token string) oauth2.TokenSource {
		return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token, TokenType: "Bearer"})
	}

	token := w.exchange(t, provider.Endpoint().TokenURL, audience, "openid profile")
	verified, err := provider.Verifier(&oidc.Config{ClientID: audience}).Verify(ctx, token)
	require.NoError(t, err)
	alice, err := provider.UserInfo(ctx, source(token))
	require.NoError(t, err)
	require.Equal(t, verified.Subject, alice.Subject)
	var claims struct {
		Username string `json:"preferred_username"`
	}
	require.NoError(t, alice.Claims(&claims))
	require.Equal(t, "alice", claims.Username)

	_, err = provider.UserInfo(ctx, source(tampered(token)))
	require.ErrorContains(t, err, "401")
	_, err = provider.UserInfo(ctx, source(w.exchange(t, provider.Endpoint().TokenURL, audience, "profile")))
	require.ErrorContains(t, err, "403")
}
