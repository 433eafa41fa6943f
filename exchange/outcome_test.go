package exchange

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Whatever a use ends with has an outcome that Outcomes lists.
func TestOutcomes(t *testing.T) {
	for err, want := range map[error]Outcome{
		&ThrottledError{}:                           {"throttled", "none"},
		&unprovedError{reasonMalformed}:             {"refused", "malformed"},
		&unprovedError{reasonUnknown}:               {"refused", "unknown_or_wrong_secret"},
		&unprovedError{reasonOldSecret}:             {"refused", "old_secret"},
		ErrUnproved:                                 {"refused", "unknown_or_wrong_secret"},
		&DeniedError{Cause: CauseNetwork}:           {"refused", "network"},
		&pat.RefusedError{Cause: pat.CauseExpired}:  {"refused", "expired"},
		&TargetError{}:                              {"refused", "invalid_target"},
		&ScopeError{}:                               {"refused", "invalid_scope"},
		ErrClient:                                   {"refused", "client_of_another_owner"},
		fmt.Errorf("verify: %w", keys.ErrExpired):   {"refused", "access_token_expired"},
		fmt.Errorf("verify: %w", keys.ErrInvalid):   {"refused", "access_token_invalid"},
		fmt.Errorf("use: %w", fault.ErrUnavailable): {"unavailable", "none"},
		errors.New("a bug"):                         {"fault", "none"},
	} {
		require.Equal(t, want, outcomeOf(err), err)
		require.Contains(t, Outcomes(), want)
	}
	require.Equal(t, Outcome{"success", "none"}, outcomeOf(nil))
	for _, cause := range pat.Causes() {
		require.Contains(t, Outcomes(), outcomeOf(&pat.RefusedError{Cause: cause}))
	}
	for _, cause := range []pat.Cause{CauseRole, CauseNetwork, CauseAudience, CauseSubject, CauseEnding, CauseCredentials} {
		require.Contains(t, Outcomes(), outcomeOf(&DeniedError{Cause: cause}))
	}
}

// The reason why nothing was proved is counted, and does not leave the package.
func TestReasonStaysInside(t *testing.T) {
	exchanger := &Exchanger{}
	for _, reason := range []string{reasonMalformed, reasonUnknown, reasonOldSecret} {
		_, use := exchanger.observe(t.Context(), useExchange)
		require.Equal(t, ErrUnproved, use.end(&unprovedError{reason}))
	}
}
