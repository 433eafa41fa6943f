package keys

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestAllocations holds what it takes to encode the claims of a usual JWT and to sign them.
func TestAllocations(t *testing.T) {
	ring, _ := openRing(t, newClock(), ES256)
	claims := testClaims(start)
	claims.Groups, claims.Roles, claims.Name, claims.PreferredUsername, claims.Email = nil, nil, "", "", ""
	require.LessOrEqual(t, testenv.Allocations(t, func() {
		_, err := ring.Mint(ES256, claims)
		require.NoError(t, err)
	}), 66.0)
}
