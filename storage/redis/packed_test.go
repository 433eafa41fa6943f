package redis

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// packText packs a text as the MessagePack specification has it.
func packText(text string) string {
	switch n := len(text); {
	case n < 32:
		return string([]byte{0xa0 | byte(n)}) + text
	case n < 1<<8:
		return string([]byte{0xd9, byte(n)}) + text
	case n < 1<<16:
		return string(binary.BigEndian.AppendUint16([]byte{0xda}, uint16(n))) + text
	default:
		return string(binary.BigEndian.AppendUint32([]byte{0xdb}, uint32(n))) + text
	}
}

func TestPackedTexts(t *testing.T) {
	for _, length := range []int{0, 1, 31, 32, 255, 256, 65535, 65536} {
		want := strings.Repeat("x", length)
		p := packed{rest: packText(want) + "rest"}
		require.Equal(t, want, p.text(), length)
		require.Equal(t, "rest", p.rest)
		require.NoError(t, p.err)

		cut := packed{rest: packText(want)[:max(length-1, 0)]}
		require.Empty(t, cut.text(), length)
		require.ErrorIs(t, cut.err, errReply)
	}
	for _, none := range []string{"\xc0", "\xc2"} {
		p := packed{rest: none}
		require.Empty(t, p.text())
		require.NoError(t, p.err)
	}
	p := packed{rest: "\xc3"} // true
	require.Empty(t, p.text())
	require.ErrorIs(t, p.err, errReply)
}

func TestPackedNumbers(t *testing.T) {
	for text, want := range map[string]int64{
		"\x00": 0, "\x7f": 127, "\xff": -1, "\xe0": -32,
		"\xcc\xff": 255, "\xcd\x01\x00": 256, "\xce\xff\xff\xff\xff": 1<<32 - 1, "\xcf\x00\x00\x01\x9a\x00\x00\x00\x00": 0x19a << 32,
		"\xd0\x80": -128, "\xd1\x80\x00": -1 << 15, "\xd2\x80\x00\x00\x00": -1 << 31, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00": -1 << 63,
	} {
		p := packed{rest: text + "rest"}
		require.Equal(t, want, p.number(), "%x", text)
		require.Equal(t, "rest", p.rest)
		require.NoError(t, p.err)

		if len(text) > 1 {
			cut := packed{rest: text[:len(text)-1]}
			cut.number()
			require.ErrorIs(t, cut.err, errReply)
		}
	}
	for _, bad := range []string{"", "\xc2", "\xa1a", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"} {
		p := packed{rest: bad}
		require.Zero(t, p.number(), "%x", bad)
		require.ErrorIs(t, p.err, errReply)
	}
}

func TestPackedLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.OneOf(rapid.Just(""), rapid.String()), 0, 40).Draw(t, "texts")
		text := string([]byte{0x90 | byte(len(want))})
		if len(want) > 15 {
			text = string([]byte{0xdc, 0, byte(len(want))})
		}
		for _, one := range want {
			if one == "" {
				text += "\xc2"
			} else {
				text += packText(one)
			}
		}
		got := make([]string, len(want))
		p := packed{rest: text}
		require.True(t, p.texts(got))
		require.Equal(t, want, got)
		require.Empty(t, p.rest)

		other := packed{rest: text}
		require.False(t, other.texts(make([]string, len(want)+1)))
		require.ErrorIs(t, other.err, errReply)
	})
	none := packed{rest: "\xc2"}
	require.False(t, none.texts(nil))
	require.NoError(t, none.err)
}

// FuzzPacked: whatever is read was there.
func FuzzPacked(f *testing.F) {
	f.Add("\x96\x01\x00\x93\xa1a\xc2\xc2\xc2\xc2\xc2")
	f.Add("\xdb\xff\xff\xff\xffa")
	f.Add("\xdc\xff\xff")
	f.Fuzz(func(t *testing.T, text string) {
		p := packed{rest: text}
		var got [3]string
		whole := p.list()
		p.number()
		known := p.texts(got[:])
		last := p.text()
		if p.err != nil {
			require.ErrorIs(t, p.err, errReply)
			require.Empty(t, p.rest)
			return
		}
		require.GreaterOrEqual(t, whole, -1)
		require.True(t, strings.HasSuffix(text, p.rest))
		require.LessOrEqual(t, len(strings.Join(got[:], ""))+len(last)+len(p.rest), len(text))
		if !known {
			require.Empty(t, strings.Join(got[:], ""))
		}
	})
}
