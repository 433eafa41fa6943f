package peers

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestKubernetes: the authenticator of the API server reads the recommended
// configuration as the server does, and knows who calls. It is no whole API server.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	g := newGuardedTLS(t)
	indented := "        " + strings.ReplaceAll(strings.TrimSpace(readFile(t, g.caFile)), "\n", "\n        ")
	text := page("kubernetes.md").block(t, 0, "https://sts.example.com", g.issuer, "https://k8s.example.com", apiAudience,
		"kubernetes:access", "orders:read", "        -----BEGIN CERTIFICATE-----\n        …\n        -----END CERTIFICATE-----", indented)
	scheme := runtime.NewScheme()
	install.Install(scheme)
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder(apiserver.SchemeGroupVersion)
	var config apiserver.AuthenticationConfiguration
	require.NoError(t, runtime.DecodeInto(decoder, []byte(text), &config))
	require.Len(t, config.JWT, 1)
	authenticator, err := oidc.New(t.Context(), oidc.Options{
		JWTAuthenticator: config.JWT[0], CAContentProvider: authority(config.JWT[0].Issuer.CertificateAuthority),
		SupportedSigningAlgs: oidc.AllValidSigningAlgorithms(), // as the server with a configuration file
	})
	require.NoError(t, err)
	testenv.Wait(t, time.Minute, func() bool { return authenticator.HealthCheck() == nil })

	var group struct {
		ID string `json:"id"`
	}
	g.manage("/groups", `{"name": "k8s-viewers", "description": "May look"}`, &group)
	g.call(http.MethodPut, "/groups/"+group.ID+"/members/"+g.me(), "")

	var caller user.Info
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok, err := authenticator.AuthenticateToken(r.Context(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		if err != nil || !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		caller = answer.User
	}))
	t.Cleanup(server.Close)
	require.Equal(t, http.StatusOK, g.get(server.URL, g.good("orders:read")))
	require.Equal(t, "cambio:"+g.me(), caller.GetName())
	require.Equal(t, g.me(), caller.GetUID())
	require.Contains(t, caller.GetGroups(), "cambio:k8s-viewers")
	require.Equal(t, []string{g.caller.ID}, caller.GetExtra()["sts.example.com/pat"])
	g.checks(guard{url: server.URL, refused: http.StatusUnauthorized, lacking: http.StatusUnauthorized})
}

// authority is the bundle of certificates that the configuration names.
type authority string

func (a authority) CurrentCABundleContent() []byte { return []byte(a) }
