package transfer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/storage/transfer"
)

// FuzzDecodeMark: what can be read is what would be written.
func FuzzDecodeMark(f *testing.F) {
	f.Add(transfer.Mark{Source: "bolt:cambio.db", Run: "r", Place: "3:00", Sum: transfer.Sum{Items: 7}, Verified: true}.Encode())
	f.Add("{}")
	f.Add(`{"Sum":{"Digest":"zz"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		mark, err := transfer.DecodeMark(text)
		if err != nil {
			require.Zero(t, mark)
			return
		}
		again, err := transfer.DecodeMark(mark.Encode())
		require.NoError(t, err)
		require.Equal(t, mark, again)
	})
}
