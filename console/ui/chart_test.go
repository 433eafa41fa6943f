package ui

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBarsOfManyAreDense(t *testing.T) {
	t.Parallel()
	require.False(t, (&Bars{Series: make([]Bar, fewBars)}).draw().Dense)
	p := (&Bars{Series: make([]Bar, fewBars+1)}).draw()
	require.True(t, p.Dense)
	require.InDelta(t, 50, p.Columns[fewBars/2].Middle, 1e-9, "in the middle")
}
