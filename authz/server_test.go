package authz

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/exchange"
)

// A new route is a decision: it is added here too.
func TestRoutes(t *testing.T) {
	services, err := exchange.NewServices("https://sts.example.com", "")
	require.NoError(t, err)
	server := &Server{exchanger: &exchange.Exchanger{Config: exchange.Config{Services: services}}}
	var routes []string
	for _, route := range server.routes() {
		routes = append(routes, strings.Join(route.methods, ",")+" "+route.path)
	}
	require.Equal(t, []string{
		"POST /oauth2/token",
		"POST /oauth/token",
		"POST /oauth2/introspect",
		"POST /oauth2/revoke",
		"GET,POST /oauth2/userinfo",
		"GET,HEAD,OPTIONS /.well-known/oauth-authorization-server",
		"GET,HEAD,OPTIONS /.well-known/openid-configuration",
		"GET,HEAD,OPTIONS /.well-known/jwks.json",
		"GET,HEAD,OPTIONS /.well-known/oauth-protected-resource/api/v1",
		"GET,HEAD /oauth/info",
	}, routes)
}
