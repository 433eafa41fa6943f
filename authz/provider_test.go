package authz

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ory/fosite"
	"github.com/stretchr/testify/require"
)

// What fosite is given to fill its seams proves nobody.
func TestFositeHasNoClientsOfItsOwn(t *testing.T) {
	ctx := t.Context()
	_, err := noClients{}.GetClient(ctx, "x")
	require.ErrorIs(t, err, fosite.ErrNotFound)
	require.ErrorIs(t, noClients{}.ClientAssertionJWTValid(ctx, "x"), fosite.ErrJTIKnown)
	require.ErrorIs(t, noClients{}.SetClientAssertionJWT(ctx, "x", time.Time{}), fosite.ErrJTIKnown)
	require.Error(t, noHasher{}.Compare(ctx, nil, nil))
	_, err = noHasher{}.Hash(ctx, nil)
	require.Error(t, err)
}

func TestSessionTellsFositeNothing(t *testing.T) {
	session := &tokenSession{grant: grantExchange, fallback: "x"}
	session.SetExpiresAt(fosite.AccessToken, time.Now())
	require.True(t, session.GetExpiresAt(fosite.AccessToken).IsZero())
	require.Empty(t, session.GetSubject())
	require.Empty(t, session.GetUsername())
	clone := session.Clone()
	require.Equal(t, session, clone)
	require.NotSame(t, session, clone)
}

func TestGrantsRefuseWhatIsNotTheirs(t *testing.T) {
	ctx := t.Context()
	server := &Server{client: &fosite.DefaultClient{}}
	foreignSession := fosite.NewAccessRequest(&fosite.DefaultSession{})
	foreignClient := fosite.NewAccessRequest(&tokenSession{grant: grantExchange})
	for _, handler := range []fosite.TokenEndpointHandler{&exchangeGrant{}, &credentialsGrant{}} {
		for _, request := range []*fosite.AccessRequest{foreignSession, foreignClient} {
			require.ErrorIs(t, handler.HandleTokenEndpointRequest(ctx, request), errWiring)
			require.False(t, handler.CanSkipClientAuth(ctx, request))
			response := fosite.NewAccessResponse()
			require.ErrorIs(t, handler.PopulateTokenEndpointResponse(ctx, request, response), errWiring)
			require.Empty(t, response.GetAccessToken())
		}
		require.False(t, handler.CanHandleTokenEndpointRequest(ctx, foreignSession))
	}
	require.True(t, unsupportedGrant{}.CanHandleTokenEndpointRequest(ctx, foreignSession))
	require.ErrorIs(t, unsupportedGrant{}.PopulateTokenEndpointResponse(ctx, foreignSession, nil), errWiring)

	_, err := server.authenticateClient(ctx, nil, nil)
	require.ErrorIs(t, err, errWiring)
	_, err = server.authenticateClient(context.WithValue(ctx, fosite.AccessRequestContextKey, foreignSession), nil, nil)
	require.ErrorIs(t, err, errWiring)
}

// forgetful is a fosite that runs no grant.
type forgetful struct{ fosite.OAuth2Provider }

func (forgetful) NewAccessRequest(context.Context, *http.Request, fosite.Session) (fosite.AccessRequester, error) {
	return &fosite.AccessRequest{}, nil
}

func TestNothingIssued(t *testing.T) {
	server := &Server{provider: forgetful{}}
	request := httptest.NewRequest(http.MethodPost, PathToken, nil)
	require.ErrorIs(t, server.issue(request, &tokenSession{grant: grantExchange}), errWiring)
}
