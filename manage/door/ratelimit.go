package door

import (
	"net/http"
	"strconv"
	"time"

	"github.com/cambio-sts/cambio/internal/throttle"
)

// Fields that tell a client its limit before it meets it
// (draft-ietf-httpapi-ratelimit-headers-10 §3, §4).
const (
	headerRateLimitPolicy = "RateLimit-Policy"
	headerRateLimit       = "RateLimit"
)

// setRateLimit tells of the one policy there is, and what the token has left of
// it: whole seconds, rounded up, so that who waits for them is within the limit.
func setRateLimit(header http.Header, policy throttle.Window, quota throttle.Quota) {
	header.Set(headerRateLimitPolicy, `"default";q=`+strconv.Itoa(policy.Most)+";w="+wholeSeconds(policy.Length))
	header.Set(headerRateLimit, `"default";r=`+strconv.Itoa(quota.Remaining)+";t="+wholeSeconds(quota.Reset))
}

func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
