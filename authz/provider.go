package authz

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/ory/fosite"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
)

// The grant types of the token endpoint.
const (
	grantExchange          = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693 §2.1
	grantClientCredentials = "client_credentials"                              // RFC 6749 §4.4
)

// newProvider returns fosite with our grants and nothing of its own. Every
// member that fosite would otherwise fill in while it serves is set, since it
// does so without a lock. The handlers are listed rather than composed:
// compose.Compose drops a second handler of the same type.
func newProvider(s *Server) fosite.OAuth2Provider {
	return fosite.NewOAuth2Provider(noClients{}, &fosite.Config{
		ClientAuthenticationStrategy: s.authenticateClient,
		TokenEndpointHandlers: fosite.TokenEndpointHandlers{
			&exchangeGrant{exchanger: s.exchanger},
			&credentialsGrant{exchanger: s.exchanger},
			unsupportedGrant{},
		},
		ScopeStrategy:            fosite.ExactScopeStrategy,
		AudienceMatchingStrategy: fosite.ExactAudienceMatchingStrategy,
		ClientSecretsHasher:      noHasher{},
		JWKSFetcherStrategy:      noFetcher{},
		AccessTokenIssuer:        s.exchanger.Issuer,
	})
}

// tokenSession is one token request on its way through fosite: what the front
// read goes in, what the grant was issued comes out.
type tokenSession struct {
	form       httpx.Form
	grant      string
	fallback   string // the audience of a request that names none
	issued     *exchange.Issued
	issuedType string // issued_token_type; empty where the grant has none
	presenter  presenter
	request    exchange.Request
}

var _ fosite.Session = (*tokenSession)(nil)

// SetExpiresAt implements fosite.Session; a JWT carries its own expiry.
func (*tokenSession) SetExpiresAt(fosite.TokenType, time.Time) {}

// GetExpiresAt implements fosite.Session.
func (*tokenSession) GetExpiresAt(fosite.TokenType) time.Time { return time.Time{} }

// GetUsername implements fosite.Session.
func (*tokenSession) GetUsername() string { return "" }

// GetSubject implements fosite.Session.
func (*tokenSession) GetSubject() string { return "" }

// Clone implements fosite.Session; the default would copy by reflection.
func (s *tokenSession) Clone() fosite.Session {
	clone := *s
	return &clone
}

// presenter is the client of a token request: whoever sent it, with the client
// credential that came along, not yet verified. There are no registered clients.
type presenter struct {
	*fosite.DefaultClient
	credential *exchange.Credential // nil: none was sent
}

// errWiring says that fosite handed on something that this package did not give it.
var errWiring = errors.New("authz: fosite handed on a foreign session or client")

// authenticateClient is fosite's client authentication. It finds the one
// credential that was sent; the pipeline verifies it, together with all else.
func (s *Server) authenticateClient(ctx context.Context, r *http.Request, _ url.Values) (fosite.Client, error) {
	request, _ := ctx.Value(fosite.AccessRequestContextKey).(*fosite.AccessRequest)
	if request == nil {
		return nil, errWiring
	}
	session, ok := request.Session.(*tokenSession)
	if !ok {
		return nil, errWiring
	}
	credential, err := clientCredential(r, session.form)
	if err != nil {
		return nil, err
	}
	session.presenter = presenter{DefaultClient: s.client, credential: credential}
	return &session.presenter, nil
}

// partsOf returns what this package put into a request of fosite's.
func partsOf(request fosite.AccessRequester) (*tokenSession, *presenter, error) {
	session, ok := request.GetSession().(*tokenSession)
	if !ok {
		return nil, nil, errWiring
	}
	client, ok := request.GetClient().(*presenter)
	if !ok {
		return nil, nil, errWiring
	}
	return session, client, nil
}

// asksFor reports whether a request is for the grant, byte for byte: fosite
// would take a grant_type with blanks around it.
func asksFor(grant string, request fosite.AccessRequester) bool {
	session, ok := request.GetSession().(*tokenSession)
	return ok && session.grant == grant
}

// unanswered is the half of fosite's handlers that fills its answer in. It is not asked
// for one: the writers take what was issued from the session.
type unanswered struct{}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (unanswered) PopulateTokenEndpointResponse(context.Context, fosite.AccessRequester, fosite.AccessResponder) error {
	return errWiring
}

// noClients is fosite's store of clients: empty, and without client assertions.
type noClients struct{}

var _ fosite.ClientManager = noClients{}

// GetClient implements fosite.ClientManager.
func (noClients) GetClient(context.Context, string) (fosite.Client, error) {
	return nil, fosite.ErrNotFound
}

// ClientAssertionJWTValid implements fosite.ClientManager.
func (noClients) ClientAssertionJWTValid(context.Context, string) error { return fosite.ErrJTIKnown }

// SetClientAssertionJWT implements fosite.ClientManager.
func (noClients) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrJTIKnown
}

// noHasher stands in for bcrypt, fosite's default, and matches nothing.
type noHasher struct{}

var _ fosite.Hasher = noHasher{}

// Compare implements fosite.Hasher.
func (noHasher) Compare(context.Context, []byte, []byte) error { return errWiring }

// Hash implements fosite.Hasher.
func (noHasher) Hash(context.Context, []byte) ([]byte, error) { return nil, errWiring }

// noFetcher keeps fosite from making a fetcher of remote keys. Only its own
// client authentication, which is replaced, would call it.
type noFetcher struct{ fosite.JWKSFetcherStrategy }
