package authz

import (
	"context"

	"github.com/ory/fosite"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
)

// credentialsGrant is the client credentials grant of RFC 6749 §4.4, with a
// personal access token for a client: its id and its secret.
type credentialsGrant struct {
	unanswered

	exchanger *exchange.Exchanger
}

var _ fosite.TokenEndpointHandler = (*credentialsGrant)(nil)

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (*credentialsGrant) CanHandleTokenEndpointRequest(_ context.Context, request fosite.AccessRequester) bool {
	return asksFor(grantClientCredentials, request)
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (*credentialsGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool {
	return false
}

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (g *credentialsGrant) HandleTokenEndpointRequest(ctx context.Context, request fosite.AccessRequester) error {
	session, client, err := partsOf(request)
	if err != nil {
		return err
	}
	if client.credential == nil {
		return errNoClient
	}
	session.request = exchange.Request{
		Credential: *client.credential,
		Audience:   session.form.All("audience"), Resource: session.form.All("resource"), Fallback: session.fallback,
		Scope: session.form.Get("scope"), Origin: httpx.OriginFrom(ctx), Credentials: true,
	}
	session.issued, err = g.exchanger.Exchange(ctx, &session.request)
	return err
}
