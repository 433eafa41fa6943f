package manage_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// TestTurns: one at a time of each organization, and before that of each caller, so that
// who asks for much waits for themselves.
func TestTurns(t *testing.T) {
	take := manage.NewTurns()
	over, cancel := context.WithCancel(t.Context())
	cancel()

	end, err := take(t.Context(), "greedy", "one")
	require.NoError(t, err)
	_, err = take(over, "other", "one")
	require.ErrorIs(t, err, context.Canceled, "the organization is taken")
	_, err = take(over, "greedy", "two")
	require.ErrorIs(t, err, context.Canceled, "the caller waits, though nobody else is there")
	another, err := take(t.Context(), "other", "two")
	require.NoError(t, err, "who gave up holds nothing")
	another()
	end()

	for _, organization := range []directory.ID{"one", "two"} {
		end, err := take(t.Context(), "greedy", organization)
		require.NoError(t, err, organization)
		end()
	}
}
