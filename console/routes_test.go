package console_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console"
)

// TestRoutes: testdata/routes.txt has every address. The conformance suite reads it, to
// try them all from another site and to see that none changes anything by a GET.
func TestRoutes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/routes.txt")
	require.NoError(t, err)
	routes := console.Routes()
	slices.Sort(routes)
	require.Equal(t, strings.Join(routes, "\n")+"\n", string(text))
}
