package authz

import (
	"context"
	"testing"
	"time"

	"github.com/ory/fosite"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/exchange"
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
			require.ErrorIs(t, handler.PopulateTokenEndpointResponse(ctx, request, response), fosite.ErrUnknownRequest)
			require.Empty(t, response.GetAccessToken())
		}
		require.False(t, handler.CanHandleTokenEndpointRequest(ctx, foreignSession))
	}
	require.True(t, unsupportedGrant{}.CanHandleTokenEndpointRequest(ctx, foreignSession))
	require.ErrorIs(t, unsupportedGrant{}.PopulateTokenEndpointResponse(ctx, foreignSession, nil), fosite.ErrUnknownRequest)

	_, err := server.authenticateClient(ctx, nil, nil)
	require.ErrorIs(t, err, errWiring)
	_, err = server.authenticateClient(context.WithValue(ctx, fosite.AccessRequestContextKey, foreignSession), nil, nil)
	require.ErrorIs(t, err, errWiring)
}

// A grant populates the answer to its own request alone.
func TestPopulate(t *testing.T) {
	request := fosite.NewAccessRequest(&tokenSession{grant: grantExchange, issued: &exchange.Issued{AccessToken: "jwt"}})
	response := fosite.NewAccessResponse()
	require.NoError(t, populate(grantExchange, request, response))
	require.Equal(t, "jwt", response.GetAccessToken())
	require.Equal(t, "Bearer", response.GetTokenType())
	require.ErrorIs(t, populate(grantClientCredentials, request, response), fosite.ErrUnknownRequest)
}
