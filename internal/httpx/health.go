package httpx

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"
)

// checkTimeout is how long one check may take before it counts as failed.
const checkTimeout = time.Second

// Check is one condition of readiness.
type Check struct {
	Name string                          // shown to whoever asks; snake_case
	Run  func(ctx context.Context) error // returns soon after ctx ends; its error goes to the log only
}

// Livez answers 200 as long as the process can answer at all.
func Livez() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, health{Status: "alive"})
	})
}

// Readyz answers 200 when every check passes, else 503 with the names of those
// that fail, so that traffic goes elsewhere.
func Readyz(checks ...Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var failing []string
		for _, check := range checks {
			if err := check.run(r.Context()); err != nil {
				failing = append(failing, check.Name)
				RequestLogFrom(r.Context()).Add(zap.NamedError("check_"+check.Name, err))
			}
		}
		if failing != nil {
			writeHealth(w, http.StatusServiceUnavailable, health{Status: "not ready", Failing: failing})
			return
		}
		writeHealth(w, http.StatusOK, health{Status: "ready"})
	})
}

func (c Check) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return c.Run(ctx)
}

type health struct {
	Status  string   `json:"status"`
	Failing []string `json:"failing,omitempty"`
}

func writeHealth(w http.ResponseWriter, status int, answer health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// SetRetryAfter sets Retry-After (RFC 9110 §10.2.3) to wait in whole seconds,
// rounded up, at least one.
func SetRetryAfter(h http.Header, wait time.Duration) {
	seconds := max(1, (wait+time.Second-1)/time.Second)
	h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
}
