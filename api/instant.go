package api

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/cambio-sts/cambio/internal/instant"
)

// Instant is a time as the API writes it: RFC 3339 in UTC with three fractional
// digits. It reads any RFC 3339 time and truncates it to milliseconds.
type Instant time.Time

// String returns the time as the API writes it.
func (i Instant) String() string { return instant.Format(time.Time(i)) }

// MarshalJSON implements json.Marshaler.
func (i Instant) MarshalJSON() ([]byte, error) { return []byte(`"` + i.String() + `"`), nil }

// UnmarshalJSON implements json.Unmarshaler. Null leaves the value as it is.
func (i *Instant) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	var text string
	err := json.Unmarshal(raw, &text)
	var parsed time.Time
	if err == nil {
		parsed, err = instant.Parse(text)
	}
	if err != nil {
		// Of this type encoding/json tells in which field it happened.
		return &json.UnmarshalTypeError{Value: "text that is no time of RFC 3339", Type: reflect.TypeFor[Instant]()}
	}
	*i = Instant(parsed)
	return nil
}

// instantOrNull is nil for a zero time.
func instantOrNull(t time.Time) *Instant {
	if t.IsZero() {
		return nil
	}
	instant := Instant(t)
	return &instant
}
