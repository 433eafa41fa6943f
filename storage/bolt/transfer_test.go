package bolt

import (
	"encoding/hex"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParsePlace: what is a place is one of a section and a key, and nothing else is.
func FuzzParsePlace(f *testing.F) {
	for _, seed := range []string{"", "0:", "3:6162", "-1:00", "x:00", "1:0", "99999999999999999999:00", "1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, place string) {
		number, key, err := parsePlace(place)
		if err != nil || place == "" {
			require.Zero(t, number)
			require.Empty(t, key)
			return
		}
		require.GreaterOrEqual(t, number, 0)
		again, same, err := parsePlace(strconv.Itoa(number) + ":" + hex.EncodeToString(key))
		require.NoError(t, err)
		require.Equal(t, number, again)
		require.Equal(t, key, same)
	})
}
