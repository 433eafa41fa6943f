package authz

import (
	"errors"
	"net/http"

	"github.com/ory/fosite"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/keys"
)

// The paths of the endpoints, below the issuer.
const (
	PathToken         = "/oauth2/token" //nolint:gosec // a path, not a credential
	PathPATToken      = "/oauth/token"  //nolint:gosec // a path, not a credential
	PathIntrospect    = "/oauth2/introspect"
	PathRevoke        = "/oauth2/revoke"
	PathUserinfo      = "/oauth2/userinfo"
	PathServer        = "/.well-known/oauth-authorization-server" // RFC 8414 §3
	PathOpenID        = "/.well-known/openid-configuration"       // OpenID Connect Discovery 1.0 §4
	PathJWKS          = "/.well-known/jwks.json"
	PathManagementAPI = "/.well-known/oauth-protected-resource" + exchange.ManagementPath // RFC 9728 §3
	PathInfo          = "/oauth/info"
)

// Keys publishes the signing keys; *keys.Ring is one.
type Keys interface {
	// JWKS returns the JWK Set with its ETag and the seconds it may be cached; a
	// nil body when there is none yet.
	JWKS() (body []byte, etag string, maxAge int)
	// Algs returns the algorithms of the published keys, sorted.
	Algs() []keys.Alg
}

// Config is what a Server needs; all of it but Revocations.
type Config struct {
	Exchanger *exchange.Exchanger
	Keys      Keys
	Logger    *zap.Logger
	// Revocations is the path of the revocation feed, for discovery. Empty: there is none.
	Revocations string
}

// Server is the authorization server. It is safe to share.
type Server struct {
	exchanger *exchange.Exchanger
	keys      Keys
	logger    *zap.Logger
	provider  fosite.OAuth2Provider
	client    *fosite.DefaultClient // what fosite is told of every client
	issuer    []byte                // as a JSON string
	discovery discovery
	resource  document // RFC 9728, of the management API

	looksSecret func(text string) bool // finds PATs in query strings
}

// New returns the authorization server of an issuer, which is the Exchanger's.
func New(config Config) (*Server, error) {
	if config.Exchanger == nil || config.Keys == nil || config.Logger == nil {
		return nil, errors.New("authz: exchanger, keys and logger are needed")
	}
	s := &Server{
		exchanger: config.Exchanger, keys: config.Keys, logger: config.Logger,
		client: &fosite.DefaultClient{Public: true}, issuer: encode(config.Exchanger.Issuer),
		looksSecret: config.Exchanger.Tokens.Format().LooksLike,
	}
	s.provider = newProvider(s)
	s.discovery.metadata = serverMetadata(config.Exchanger, config.Revocations)
	s.resource = newDocument(managementMetadata(config.Exchanger))
	return s, nil
}

// route is one endpoint.
type route struct {
	path    string
	serve   http.HandlerFunc
	methods []string
}

func (s *Server) routes() []route {
	post := []string{http.MethodPost}
	static := []string{http.MethodGet, http.MethodHead}
	public := []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	return []route{
		{PathToken, s.serveToken(s.exchanger.Services.Default()), post},
		{PathPATToken, s.serveToken(s.exchanger.Services.Management()), post},
		{PathIntrospect, s.serveIntrospect, post},
		{PathRevoke, s.serveRevoke, post},
		{PathUserinfo, s.serveUserinfo, []string{http.MethodGet, http.MethodPost}},
		{PathServer, shared(s.serveDiscovery), public},
		{PathOpenID, shared(s.serveDiscovery), public},
		{PathJWKS, shared(s.serveJWKS), public},
		{PathManagementAPI, shared(s.serveManagementMetadata), public},
		{PathInfo, s.serveInfo, static},
	}
}

// Register adds every endpoint to mux, each for all methods: one that it does
// not take is answered 405 with Allow.
func (s *Server) Register(mux *http.ServeMux) {
	for _, route := range s.routes() {
		mux.Handle(route.path, httpx.AllowMethods(route.serve, s.refuseMethod, route.methods...))
	}
}
