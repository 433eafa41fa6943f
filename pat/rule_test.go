package pat_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/pat"
)

// What a field breaks is told three times: by its rule, with arguments, and in
// English, and they agree.
func TestFieldErrorsTellTheirRule(t *testing.T) {
	for rule, c := range map[pat.Rule]struct {
		networks []string
		text     string
	}{
		pat.RuleNetwork:        {[]string{"nowhere"}, "allowedNetworks: each entry must be a network such as 192.0.2.0/24 or 2001:db8::/32"},
		pat.RuleNetworkVersion: {[]string{"::ffff:192.0.2.1"}, "allowedNetworks: an IPv4 network must not be written as IPv6"},
		pat.RuleMaxEntries:     {strings.Split(strings.Repeat("192.0.2.1 ", 101), " ")[:101], "allowedNetworks: must have at most 100 entries"},
	} {
		_, err := pat.ParseNetworks("allowedNetworks", c.networks)
		wrong, ok := errors.AsType[*pat.FieldError](err)
		require.True(t, ok, rule)
		require.Equal(t, rule, wrong.Rule)
		require.Equal(t, c.text, wrong.Error())
		require.Equal(t, wrong.Cause, fmt.Sprintf(pat.RuleTexts()[rule], wrong.Args...))
	}
	networks, err := pat.ParseNetworks("allowedNetworks", []string{"192.0.2.1"})
	require.NoError(t, err)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}, networks)
}
