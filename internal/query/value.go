package query

import (
	"cmp"
	"strings"
	"time"
)

// Field names something by which a list is filtered or sorted.
type Field string

// Kind says of what kind the values of a field are.
type Kind int

// The kinds.
const (
	Text   Kind = iota + 1
	Choice      // a text out of few
	Time
	Flag
)

// Value is what a field holds, or what it is compared with. The zero value is
// null.
type Value struct {
	kind Kind // 0: null
	text string
	time time.Time
	flag bool
}

// TextValue is a text, also an empty one.
func TextValue[T ~string](text T) Value { return Value{kind: Text, text: string(text)} }

// TextOrNull is null for an empty text.
func TextOrNull[T ~string](text T) Value {
	if text == "" {
		return Value{}
	}
	return TextValue(text)
}

// TimeOrNull is null for a zero time.
func TimeOrNull(t time.Time) Value {
	if t.IsZero() {
		return Value{}
	}
	return Value{kind: Time, time: t}
}

// FlagValue is true or false.
func FlagValue(flag bool) Value { return Value{kind: Flag, flag: flag} }

func (v Value) null() bool { return v.kind == 0 }

func (v Value) equal(other Value) bool {
	return v.kind == other.kind && v.text == other.text && v.flag == other.flag && v.time.Equal(other.time)
}

// compare orders values of one kind; texts by byte, false before true.
func (v Value) compare(other Value) int {
	return cmp.Or(strings.Compare(v.text, other.text), v.time.Compare(other.time), compareFlags(v.flag, other.flag))
}

func compareFlags(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// collate orders values as people expect to see them: texts whatever their case.
func (v Value) collate(other Value) int {
	return cmp.Or(strings.Compare(strings.ToLower(v.text), strings.ToLower(other.text)), v.compare(other))
}
