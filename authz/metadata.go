package authz

import (
	"maps"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// metadataMaxAge is how long metadata may be cached, in seconds.
const metadataMaxAge = 300

// metadata describes this server (RFC 8414 §2, OpenID Connect Discovery 1.0 §3).
// Both well-known addresses serve the same document. An empty list is left out:
// RFC 8414 §3.2 allows none.
type metadata struct {
	Issuer                                    string     `json:"issuer"`
	TokenEndpoint                             string     `json:"token_endpoint"`
	IntrospectionEndpoint                     string     `json:"introspection_endpoint"`
	RevocationEndpoint                        string     `json:"revocation_endpoint"`
	UserinfoEndpoint                          string     `json:"userinfo_endpoint"`
	JWKSURI                                   string     `json:"jwks_uri"`
	RevocationsURI                            string     `json:"revocations_uri,omitempty"` // a member of Cambio's own (RFC 8414 §2)
	ScopesSupported                           []string   `json:"scopes_supported"`
	ResponseTypesSupported                    []string   `json:"response_types_supported"`
	GrantTypesSupported                       []string   `json:"grant_types_supported"`
	TokenEndpointAuthMethodsSupported         []string   `json:"token_endpoint_auth_methods_supported"`
	IntrospectionEndpointAuthMethodsSupported []string   `json:"introspection_endpoint_auth_methods_supported"`
	RevocationEndpointAuthMethodsSupported    []string   `json:"revocation_endpoint_auth_methods_supported"`
	SubjectTypesSupported                     []string   `json:"subject_types_supported"`
	IDTokenSigningAlgValuesSupported          []keys.Alg `json:"id_token_signing_alg_values_supported,omitempty"`
	ClaimsSupported                           []string   `json:"claims_supported"`
	RequestURIParameterSupported              bool       `json:"request_uri_parameter_supported"`
	ProtectedResources                        []string   `json:"protected_resources"` // RFC 9728 §4
}

// The client authentication methods: RFC 7591 §2, and for introspection the
// token type Bearer besides (RFC 8414 §2).
const (
	methodBasic = "client_secret_basic"
	methodPost  = "client_secret_post"
	methodNone  = "none"
)

// serverMetadata is the metadata, with the path of the revocation feed if there is one.
func serverMetadata(exchanger *exchange.Exchanger, revocations string) metadata {
	issuer := exchanger.Issuer
	if revocations != "" {
		revocations = issuer + revocations
	}
	return metadata{
		Issuer:                exchanger.Issuer,
		TokenEndpoint:         issuer + PathToken,
		IntrospectionEndpoint: issuer + PathIntrospect,
		RevocationEndpoint:    issuer + PathRevoke,
		UserinfoEndpoint:      issuer + PathUserinfo,
		JWKSURI:               issuer + PathJWKS,
		RevocationsURI:        revocations,
		ScopesSupported:       append([]string{pat.ScopeOpenID, pat.ScopeProfile}, managementScopes(exchanger.Services)...),
		// There is no authorization endpoint, yet RFC 8414 wants a list that is not empty.
		ResponseTypesSupported:                    []string{"none"},
		GrantTypesSupported:                       []string{grantExchange, grantClientCredentials},
		TokenEndpointAuthMethodsSupported:         []string{methodBasic, methodPost, methodNone},
		IntrospectionEndpointAuthMethodsSupported: []string{methodBasic, methodPost, tokenTypeBearer},
		RevocationEndpointAuthMethodsSupported:    []string{methodBasic, methodPost, methodNone},
		SubjectTypesSupported:                     []string{"public"},
		ClaimsSupported:                           []string{"sub", "name", "preferred_username", "email"},
		RequestURIParameterSupported:              false, // discovery takes true for the default
		ProtectedResources:                        []string{exchanger.Services.Management()},
	}
}

// managementScopes lists the scopes that a JWT for the management API can have,
// sorted: sp:scopes:all is spelled out as these.
func managementScopes(services *exchange.Services) []string {
	var scopes []string
	for _, service := range services.All() {
		if service.Audience == services.Management() {
			scopes = slices.AppendSeq(scopes, maps.Keys(service.Scopes))
		}
	}
	slices.Sort(scopes)
	return scopes
}

// discovery is the metadata as it is served. Of all it says, only the algorithms
// change while the server runs, once in a long while.
type discovery struct {
	metadata metadata
	latest   atomic.Pointer[discovered]
}

type discovered struct {
	document
	algs []keys.Alg
}

// current returns the document that lists the algorithms.
func (d *discovery) current(algs []keys.Alg) document {
	if latest := d.latest.Load(); latest != nil && slices.Equal(latest.algs, algs) {
		return latest.document
	}
	described := d.metadata
	described.IDTokenSigningAlgValuesSupported = algs
	made := newDocument(&described)
	d.latest.Store(&discovered{made, algs})
	return made
}

// serveDiscovery is the metadata of the authorization server. It comes from the
// configuration alone: no header of the request takes part.
func (s *Server) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	s.discovery.current(s.keys.Algs()).serve(w, r, metadataMaxAge)
}

// resourceMetadata describes a protected resource (RFC 9728 §2).
type resourceMetadata struct {
	Resource               string   `json:"resource"`
	AuthorizationServers   []string `json:"authorization_servers"`
	ScopesSupported        []string `json:"scopes_supported"`
	BearerMethodsSupported []string `json:"bearer_methods_supported"`
	ResourceName           string   `json:"resource_name"`
}

func managementMetadata(exchanger *exchange.Exchanger) *resourceMetadata {
	return &resourceMetadata{
		Resource:               exchanger.Services.Management(),
		AuthorizationServers:   []string{exchanger.Issuer},
		ScopesSupported:        managementScopes(exchanger.Services),
		BearerMethodsSupported: []string{"header"},
		ResourceName:           "Cambio management API",
	}
}

// serveManagementMetadata is the metadata of the management API.
func (s *Server) serveManagementMetadata(w http.ResponseWriter, r *http.Request) {
	s.resource.serve(w, r, metadataMaxAge)
}
