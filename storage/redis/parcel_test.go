package redis

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestParcel: what is remembered of a change is the change, with its name, said to be
// repeated; numbers are the texts that they are sent as.
func TestParcel(t *testing.T) {
	script := newScripts().revoke
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.Just(""), rapid.String(), rapid.StringMatching(`[0-9a-f]{32}`),
			rapid.StringMatching(`[h:t+]?[0-9]{1,15}:?`), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		)
		keys, args := rapid.SliceOfN(text, 1, 8).Draw(t, "keys"), rapid.SliceOfN(text, 0, 60).Draw(t, "args")
		c := call{what: "revoke token", script: script, keys: keys, change: true}
		want := c
		c.args, want.args = []any{"name", "0", 7, int64(math.MinInt64)}, []any{"name", "1", "7", "-9223372036854775808"}
		for _, arg := range args {
			c.args, want.args = append(c.args, arg), append(want.args, arg)
		}
		kept := c.parcel()
		require.Equal(t, want, kept.call())
	})
}
