package peers

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestKubectl: client-go, with which kubectl asks an API server, runs the kubeconfig of
// the page: it has the plugin exchange alice's token, and calls with the JWT.
func TestKubectl(t *testing.T) { //nolint:paralleltest // the plugin gets its environment from the process
	dev := testenv.Dev(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		jwt, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if strings.Count(jwt, ".") != 2 || whoIs(r, dev.Info.Addr, jwt) != http.StatusOK {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	home := t.TempDir()
	ca := write(t, home, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	recipe := page("kubectl.md").block(t, 0, "https://k8s.example.com:6443", server.URL, "/etc/kubernetes/pki/ca.crt", ca,
		"https://sts.example.com", dev.Info.Addr, "https://k8s.example.com", dev.Info.APIAudience)
	t.Setenv("HOME", home)
	t.Setenv("PATH", filepath.Dir(testenv.Binary(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("CAMBIO_TOKEN", dev.Info.Users.Alice.PAT.Token)
	for _, version := range []string{"v1beta1", "v1"} {
		text := strings.Replace(recipe, "client.authentication.k8s.io/v1\n", "client.authentication.k8s.io/"+version+"\n", 1)
		status, err := ask(t, text)
		require.NoError(t, err, version)
		require.Equal(t, http.StatusOK, status, version)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, dev.Info.Addr+"/oauth2/revoke", strings.NewReader("token="+dev.Info.Users.Alice.PAT.Token))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	status, err := ask(t, recipe)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, status, "client-go kept the JWT, and got no other in its place")
}

// ask calls the API server of a kubeconfig as kubectl does.
func ask(t *testing.T, kubeconfig string) (status int, err error) {
	t.Helper()
	config, err := clientcmd.RESTConfigFromKubeConfig([]byte(kubeconfig))
	require.NoError(t, err)
	client, err := rest.HTTPClientFor(config)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, config.Host+"/api", http.NoBody)
	require.NoError(t, err)
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Body.Close()
}

// whoIs is what the management API answers to a JWT.
func whoIs(r *http.Request, addr, jwt string) int {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, addr+"/api/v1/me", http.NoBody)
	if err != nil {
		return http.StatusInternalServerError
	}
	request.Header.Set("Authorization", "Bearer "+jwt)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return http.StatusBadGateway
	}
	_ = response.Body.Close()
	return response.StatusCode
}
