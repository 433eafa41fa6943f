package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
)

func TestServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.person("alice", directory.AccessAsNonInteractiveUser, directory.PlatformAdmin)
	shown := w.signIn(&admin).see("/console/services")
	orders, own, found := strings.Cut(shown, "Cambio management API")
	require.True(t, found)
	for _, text := range []string{service, "Orders", "Default", "orders:write", "<li>clerks</li>", "<li>Everyone</li>", "only the id", "as the token and the policy say", "every one"} {
		require.Contains(t, orders, text)
	}
	for _, text := range []string{issuer + "/api/v1", "Cambio itself", "idn:my-personal-access-tokens:read", "whoever has the right"} {
		require.Contains(t, own, text)
	}
	require.NotContains(t, own, "Default</span>")

	bob := w.person("bob", directory.AccessAsNonInteractiveUser, directory.OrganizationAdmin)
	b := w.signIn(&bob)
	require.NotContains(t, b.see("/console/"), `href="/console/services"`)
	require.Equal(t, http.StatusForbidden, b.get("/console/services").status)
	require.Equal(t, http.StatusMethodNotAllowed, b.post("/console/services", nil).status)
}
