package authz

import (
	"context"

	"github.com/ory/fosite"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/secret"
)

// The token types of RFC 8693 §3, and that of a personal access token.
const (
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token" //nolint:gosec // a name
	typeJWT         = "urn:ietf:params:oauth:token-type:jwt"
	typePAT         = "urn:ietf:params:oauth:token-type:pat"
)

const tokenTypeBearer = "Bearer" // RFC 6750

// exchangeGrant is the token exchange of RFC 8693. The subject token is the
// credential; client credentials beside it are verified too.
type exchangeGrant struct {
	unanswered

	exchanger *exchange.Exchanger
}

var _ fosite.TokenEndpointHandler = (*exchangeGrant)(nil)

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (*exchangeGrant) CanHandleTokenEndpointRequest(_ context.Context, request fosite.AccessRequester) bool {
	return asksFor(grantExchange, request)
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler. It is false although
// no client credentials are needed: fosite would drop the error of those sent.
func (*exchangeGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (g *exchangeGrant) HandleTokenEndpointRequest(ctx context.Context, request fosite.AccessRequester) error {
	session, client, err := partsOf(request)
	if err != nil {
		return err
	}
	if err := checkExchange(session.form); err != nil {
		return err
	}
	if session.issuedType, err = issuedType(session.form.Get("requested_token_type")); err != nil {
		return err
	}
	subject, err := subjectCredential(session.form)
	if err != nil {
		return err
	}
	session.request = exchange.Request{
		Credential: subject, Client: client.credential,
		Audience: session.form.All("audience"), Resource: session.form.All("resource"), Fallback: session.fallback,
		Scope: session.form.Get("scope"), Origin: httpx.OriginFrom(ctx), Credentials: true,
	}
	session.issued, err = g.exchanger.Exchange(ctx, &session.request)
	return err
}

// checkExchange refuses what an exchange cannot be (RFC 8693 §2.1). An actor
// token is never passed over: its sender would take the answer for a delegation.
func checkExchange(form httpx.Form) error {
	actor, actorType := form.Has("actor_token"), form.Has("actor_token_type")
	switch {
	case form.Multipart():
		return errExchangeMultipart
	case !form.Has("subject_token"):
		return errNoSubjectToken
	case !form.Has("subject_token_type"):
		return errNoSubjectTokenType
	case actor && !actorType:
		return errNoActorTokenType
	case actorType && !actor:
		return errNoActorToken
	case actor:
		return errDelegation
	}
	return nil
}

func issuedType(requested string) (string, error) {
	switch requested {
	case "", typeAccessToken:
		return typeAccessToken, nil
	case typeJWT:
		return typeJWT, nil
	default:
		return "", errRequestedTokenType
	}
}

// subjectCredential returns the subject token as the type it is said to be. No
// JWT is a subject token here, so one is handed on as nothing: it fails like
// any other token, with the same answer, count and audit event.
func subjectCredential(form httpx.Form) (exchange.Credential, error) {
	switch form.Get("subject_token_type") {
	case typePAT, typeAccessToken:
		return exchange.TokenCredential(secret.New(form.Get("subject_token"))), nil
	case typeJWT:
		return exchange.Credential{}, nil
	default:
		return exchange.Credential{}, errSubjectTokenType
	}
}
