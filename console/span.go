package console

import (
	"errors"
	"strconv"
	"time"
)

// timeUnit is one in which a span of time is entered and told.
type timeUnit struct {
	name    string // texts: unit.<name>, span.<name> of several, span.one.<name>
	seconds int64
}

// timeUnits are all of them, the largest first.
var timeUnits = []timeUnit{
	{"days", 24 * 60 * 60},
	{"hours", 60 * 60},
	{"minutes", 60},
	{"seconds", 1},
}

// maxEntered is the greatest number of a span that is read; what the policy allows is
// less.
const maxEntered = 10_000_000_000

var errSpan = errors.New("no span of time")

// largest tells a span in the largest unit that it is whole in.
func largest(seconds int64) (n int64, unit string) {
	for _, one := range timeUnits {
		if seconds%one.seconds == 0 {
			return seconds / one.seconds, one.name
		}
	}
	return seconds, ""
}

// spanOf reads a span of time, in seconds; 0 for nothing.
func spanOf(text, unit string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > maxEntered {
		return 0, errSpan
	}
	for _, one := range timeUnits {
		if one.name == unit {
			return n * one.seconds, nil
		}
	}
	return 0, errSpan
}

// span tells a span of time in the largest unit that it is whole in.
func (x *visit) span(d time.Duration) string {
	n, unit := largest(int64(d / time.Second))
	if n == 1 {
		return x.t("span.one."+unit, n)
	}
	return x.t("span."+unit, n)
}
