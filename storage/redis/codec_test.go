package redis

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.String()).Draw(t, "texts")
		more := rapid.IntRange(0, 3).Draw(t, "texts of a later version")
		r := unpack((&writer{texts: want}).pack(), len(want)+more)
		for i := range len(want) + more {
			if i < len(want) {
				require.Equal(t, want[i], r.text())
			} else {
				require.Empty(t, r.text())
			}
		}
		require.NoError(t, r.err)
	})
}

// FuzzUnpack: what can be read is what pack would have written, but for texts
// that were not asked for and numbers written otherwise.
func FuzzUnpack(f *testing.F) {
	f.Add("1:a0:2:bc")
	f.Add("-1:a")
	f.Add("9999999999999999999:a")
	f.Add(":")
	f.Fuzz(func(t *testing.T, packed string) {
		r := unpack(packed, 4)
		require.Len(t, r.texts, 4)
		if r.err != nil {
			require.ErrorIs(t, r.err, errReply)
			return
		}
		again := unpack((&writer{texts: r.texts}).pack(), 4)
		require.NoError(t, again.err)
		require.Equal(t, r.texts, again.texts)
	})
}

// TestDamagedRecords: what no script of ours wrote is an error, not a token.
func TestDamagedRecords(t *testing.T) {
	good := []any{"1:01234567890123456789012345678901", nil, nil, "ACTIVE", "1", "owner", "1", "1", nil, nil, nil, nil, "1:o", nil, nil, nil}
	_, ok, err := readToken("token", read(good...))
	require.NoError(t, err)
	require.True(t, ok)
	_, ok, err = readToken("token", read(make([]any, len(good))...))
	require.NoError(t, err)
	require.False(t, ok)
	for place, bad := range map[int]any{0: "1:short", 1: "x", 2: "x", 4: "soon", 6: "x", 7: int64(1), 12: "9:o", 13: "x", 15: "{"} {
		damaged := append([]any{}, good...)
		damaged[place] = bad
		_, _, err := readToken("token", read(damaged...))
		require.ErrorIs(t, err, errReply, "%d: %v", place, bad)
	}
	_, _, err = readToken("token", read(good[:5]...))
	require.ErrorIs(t, err, errReply)
}

func TestParsePosition(t *testing.T) {
	for position, want := range map[string]bool{
		"00:1-0": true, "ff:1700000000000-12": true, "cfg:1-1": true,
		"": false, ":": false, "00": false, "00:": false, "00:1": false, "00:1-": false, "00:*-1": false, "0:1-1": false,
		"FF:1-1": false, "{}:1-1": false, "cfg:1-1-1": false, "000:1-1": false, "00:-1-1": false,
	} {
		_, _, ok := parsePosition(position)
		require.Equal(t, want, ok, position)
	}
}
