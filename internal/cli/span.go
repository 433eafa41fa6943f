package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// timeLayout is that of all times of the API, in UTC.
const timeLayout = "2006-01-02T15:04:05.000Z"

const day = 24 * time.Hour

// spanUnit is a unit of time spans. A year has 365 days.
type spanUnit struct {
	letter byte
	length time.Duration
}

// spanUnits are in the order in which they may stand.
func spanUnits() []spanUnit {
	return []spanUnit{{'y', 365 * day}, {'w', 7 * day}, {'d', day}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second}}
}

var errSpan = errors.New("is no time span such as 30d, 720h, 1y or 1d12h")

// parseSpan reads whole numbers with units from greatest to least, each at most
// once, such as 30d or 1d12h; or 0. It returns errSpan for anything else and
// what is longer than 292 years.
func parseSpan(text string) (time.Duration, error) {
	if text == "0" {
		return 0, nil
	}
	if text == "" {
		return 0, errSpan
	}
	var total time.Duration
	units := spanUnits()
	for text != "" {
		digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
		number, err := strconv.ParseInt(text[:digits], 10, 64)
		if err != nil || digits == len(text) {
			return 0, errSpan
		}
		for len(units) > 0 && units[0].letter != text[digits] {
			units = units[1:]
		}
		if len(units) == 0 || number > int64((math.MaxInt64-total)/units[0].length) {
			return 0, errSpan
		}
		total += time.Duration(number) * units[0].length
		text, units = text[digits+1:], units[1:]
	}
	return total, nil
}

// formatSpan is the inverse of parseSpan for whole seconds from 0; what is below
// a second is left out.
func formatSpan(span time.Duration) string {
	var out strings.Builder
	for _, unit := range spanUnits() {
		if span >= unit.length {
			fmt.Fprintf(&out, "%d%c", span/unit.length, unit.letter)
			span %= unit.length
		}
	}
	if out.Len() == 0 {
		return "0"
	}
	return out.String()
}

// expiry is when a token shall end; the zero value is never.
type expiry struct{ at time.Time }

func (e expiry) never() bool { return e.at.IsZero() }

// json returns the value of expirationDate.
func (e expiry) json() any {
	if e.never() {
		return nil
	}
	return e.at.UTC().Format(timeLayout)
}

// parseExpiry reads never, an RFC 3339 time, or a time span from now.
func parseExpiry(text string, now time.Time) (expiry, error) {
	if text == "never" {
		return expiry{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil && !at.IsZero() {
		return expiry{at}, nil
	}
	span, err := parseSpan(text)
	if err != nil || span == 0 {
		return expiry{}, usage("--expires "+quote(text)+" is neither a time span, nor a time, nor never", "write 30d, 720h, 1y, 2027-01-31T00:00:00Z or never")
	}
	return expiry{now.Add(span)}, nil
}
