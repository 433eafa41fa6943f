package secret

import (
	"crypto/subtle"
	"fmt"
	"io"

	"go.uber.org/zap/zapcore"
)

// Redacted is what a Text prints in place of its characters.
const Redacted = "[redacted]"

// Text is a secret. The zero value is the empty secret; it redacts all the same.
//
// The characters lie behind a pointer: fmt calls no method on a Text in an
// unexported field of another type, and prints an address there.
type Text struct{ chars *string }

var (
	_ fmt.Formatter           = Text{}
	_ zapcore.ObjectMarshaler = Text{}
)

// New wraps s.
func New(s string) Text { return Text{chars: &s} }

// Reveal returns the characters.
func (t Text) Reveal() string {
	if t.chars == nil {
		return ""
	}
	return *t.chars
}

// Empty reports whether there are no characters.
func (t Text) Empty() bool { return t.Reveal() == "" }

// Equal compares in time that depends on the lengths only.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// String returns Redacted.
func (Text) String() string { return Redacted }

// GoString returns Redacted.
func (Text) GoString() string { return Redacted }

// Format writes Redacted for every verb.
func (Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// MarshalJSON returns Redacted as a JSON string.
func (Text) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalText returns Redacted.
func (Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalLogObject writes Redacted.
func (Text) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("secret", Redacted)
	return nil
}
