package instant

import (
	"errors"
	"strings"
	"time"
)

// ErrFormat says that a text is no time of RFC 3339 that can be written again.
var ErrFormat = errors.New("not a time of RFC 3339")

// Format writes a time such as 2017-07-11T18:45:37.098Z.
func Format(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// Parse reads an RFC 3339 time, whose letters may be of either case (§5.6), and
// truncates it to milliseconds. What it returns is a time that it reads again when
// it is written; else the error is ErrFormat.
func Parse(text string) (time.Time, error) {
	var parsed time.Time
	if err := parsed.UnmarshalText([]byte(strings.ToUpper(text))); err != nil {
		return time.Time{}, ErrFormat
	}
	parsed = parsed.UTC().Truncate(time.Millisecond)
	if parsed.Year() < 1 || parsed.Year() > 9999 || parsed.IsZero() {
		return time.Time{}, ErrFormat
	}
	return parsed, nil
}
