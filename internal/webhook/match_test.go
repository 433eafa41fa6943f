package webhook

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		events []string
		name   audit.Name
		want   bool
	}{
		{nil, audit.TokenRevoked, true},
		{nil, audit.TokenExpiring, true},
		{nil, audit.KeyRevoked, true},
		{nil, audit.EventUnreadable, true},
		{nil, audit.TokenUsed, false},
		{nil, audit.TokenUseFailed, false},
		{nil, audit.WriterEnded, false},
		{[]string{"PERSONAL_ACCESS_TOKEN_*"}, audit.TokenRevoked, true},
		{[]string{"PERSONAL_ACCESS_TOKEN_*"}, audit.KeyRevoked, false},
		{[]string{"PERSONAL_ACCESS_TOKEN_*"}, audit.TokenUsed, false},
		{[]string{"PERSONAL_ACCESS_TOKEN_USE*"}, audit.TokenUseFailed, false},
		{[]string{"KEY_REVOKED", "PERSONAL_ACCESS_TOKEN_USE_FAILED"}, audit.TokenUseFailed, true},
		{[]string{"PERSONAL_ACCESS_TOKEN_USED"}, audit.TokenUsed, true},
		{[]string{"PERSONAL_ACCESS_TOKEN_USED"}, audit.TokenUseFailed, false},
		{[]string{"PERSONAL_ACCESS_TOKEN"}, audit.TokenRevoked, false},
	} {
		require.Equal(t, test.want, (&match{events: test.events}).name(test.name), "%v %s", test.events, test.name)
	}
	mine := &match{organization: "mine"}
	require.True(t, mine.event(&audit.Event{Organization: "mine"}))
	require.False(t, mine.event(&audit.Event{Organization: "other"}))
	require.False(t, mine.event(&audit.Event{}))
	require.True(t, (&match{}).event(&audit.Event{}))
}
