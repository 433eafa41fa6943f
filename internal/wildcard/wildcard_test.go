package wildcard

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		pattern, name string
		want          bool
	}{
		{"db-reader", "db-reader", true},
		{"db-reader", "db-readers", false},
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything", true},
		{"db-*", "db-", true},
		{"db-*", "a db-reader", false},
		{"*-admin", "db-admin", true},
		{"*-admin", "db-admins", false},
		{"a*b*c", "a1b2c", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "acb", false},
		{"ab*ba", "aba", false}, // no character counts twice
		{"a**b", "ab", true},
		{"a?c", "abc", false},
		{"a*", "A", false},
	} {
		require.Equal(t, tc.want, Matches(tc.pattern, tc.name), "%q %q", tc.pattern, tc.name)
	}
}
