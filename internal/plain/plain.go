package plain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The joiners of Unicode: invisible, yet part of how words of several scripts, and
// some emoji, are written.
const (
	nonJoiner = '\u200C'
	joiner    = '\u200D'
)

// Text reports whether text has nothing that could break a line of a log or disguise
// itself on a page: control characters, those that turn the direction of writing,
// line separators, and the byte order mark.
func Text(text string) bool { return !strings.ContainsFunc(text, Steers) }

// Steers reports whether r is one of those characters that Text refuses.
func Steers(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\uFEFF' || r == '\u2028' || r == '\u2029'
}

// Trimmed reports whether text neither begins nor ends with white space, a no-break
// space among it.
func Trimmed(text string) bool { return strings.TrimSpace(text) == text }

// Visible reports whether text has no character that a page does not show, such as a
// zero width space or a soft hyphen: two names that differ in one look alike. A
// joiner is fine within a word.
func Visible(text string) bool {
	before := utf8.RuneError
	for i, r := range text {
		if isJoiner(r) {
			after, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
			if !joins(before) || !joins(after) {
				return false
			}
		} else if unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point) {
			return false
		}
		before = r
	}
	return true
}

func isJoiner(r rune) bool { return r == nonJoiner || r == joiner }

// joins reports whether a joiner may stand beside r: a letter, what is written on
// one, or a part of an emoji.
func joins(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.In(r, unicode.So, unicode.Sk))
}
