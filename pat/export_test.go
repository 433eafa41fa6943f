package pat

import (
	"time"

	"github.com/cambio-sts/cambio/directory"
)

// WarningOf is the decision that Expiring makes over one token.
func WarningOf(record *Record, policy *directory.Policy, since, now time.Time) (Warning, bool) {
	return expiring(record, policy, since, now)
}
