package plain_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/plain"
)

func TestText(t *testing.T) {
	for _, good := range []string{"", "ci", " Büro 日本 ", "soft\u00adhyphen", "می\u200cخواهم", "\u00a0"} {
		require.True(t, plain.Text(good), "%q", good)
	}
	for _, r := range "\x00\t\n\x1b\x7f\u0085\u009b\u200e\u061c\u202e\u2066\ufeff\u2028\u2029" {
		require.False(t, plain.Text("a"+string(r)+"b"), "%U", r)
	}
}

func TestTrimmed(t *testing.T) {
	for _, r := range " \t\n\u0085\u00a0\u1680\u2007\u202f\u2028\u3000" {
		require.True(t, plain.Trimmed("a"+string(r)+"b"), "%U", r)
		require.False(t, plain.Trimmed(string(r)+"ab"), "%U", r)
		require.False(t, plain.Trimmed("ab"+string(r)), "%U", r)
	}
	require.True(t, plain.Trimmed(""))
}

func TestVisible(t *testing.T) {
	for name, good := range map[string]string{
		"nothing": "", "accents": "Zoe\u0308 Åsa", "Persian": "می\u200cخواهم", "Sinhala": "ශ\u0dca\u200dර\u0dd3 ලංකා", "emoji": "👩🏽\u200d💻 bot", "space": "a b",
	} {
		require.True(t, plain.Visible(good), name)
	}
	for _, r := range "\u00ad\u200b\u2060\u2061\u180e\u202e\ufeff\u061c\u115f\u3164\u034f\U000e0041" {
		require.False(t, plain.Visible("a"+string(r)+"b"), "%U", r)
	}
	for _, r := range "\u200c\u200d" {
		joiner := string(r)
		require.True(t, plain.Visible("a"+joiner+"b"))
		for name, bad := range map[string]string{
			"first": joiner + "ab", "last": "ab" + joiner, "alone": joiner, "twice": "a" + joiner + joiner + "b",
			"before a space": "a" + joiner + " b", "after a space": "a " + joiner + "b", "beside a digit": "1" + joiner + "b", "no UTF-8 before": "\xff" + joiner + "b",
		} {
			require.False(t, plain.Visible(bad), name)
		}
	}
}

// What passes as a name shows all that is in it, by rules of Unicode that are read
// anew here.
func FuzzName(f *testing.F) {
	for _, text := range []string{"ci", "می\u200cخواهم", "\u00a0ci", "ci\u200b", "c\u00adi", "\u200dci", "ci\u202e", "a\x1bb", "\xff\u200da"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" || !utf8.ValidString(text) || !plain.Text(text) || !plain.Trimmed(text) || !plain.Visible(text) {
			return
		}
		runes := []rune(text)
		for _, end := range []rune{runes[0], runes[len(runes)-1]} {
			require.False(t, unicode.Is(unicode.Cf, end) || unicode.IsSpace(end), "%U", end)
		}
		for _, r := range runes {
			require.False(t, unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r), "%U", r)
			require.False(t, unicode.Is(unicode.Cf, r) && !strings.ContainsRune("\u200c\u200d", r), "%U", r)
		}
	})
}
