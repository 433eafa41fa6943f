package authz

import (
	"context"

	"github.com/ory/fosite"
)

// unsupportedGrant takes every grant type that the others do not, password among
// them (RFC 9700 §2.4). Without it fosite answers invalid_request, about
// redirect URIs.
type unsupportedGrant struct{ unanswered }

var _ fosite.TokenEndpointHandler = unsupportedGrant{}

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (unsupportedGrant) CanHandleTokenEndpointRequest(_ context.Context, request fosite.AccessRequester) bool {
	return !asksFor(grantExchange, request) && !asksFor(grantClientCredentials, request)
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler: whoever asks, the
// answer is the same.
func (unsupportedGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return true }

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (unsupportedGrant) HandleTokenEndpointRequest(context.Context, fosite.AccessRequester) error {
	return errUnsupportedGrant
}
