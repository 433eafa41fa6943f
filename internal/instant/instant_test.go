package instant

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzInstant(f *testing.F) {
	f.Add("2017-07-11T18:45:37.098Z")
	f.Add("9999-12-31t23:59:59.9999-23:59")
	f.Add("0000-01-01T00:00:00z")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := Parse(text)
		if err != nil {
			return
		}
		printed := Format(parsed)
		require.Len(t, printed, len("2017-07-11T18:45:37.098Z"))
		again, err := Parse(printed)
		require.NoError(t, err)
		require.True(t, parsed.Equal(again))
	})
}
