package directory

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Each rule is told by its name and in English, with what fills it.
func TestFieldErrorsTellTheirRule(t *testing.T) {
	policy := func(change func(*Policy)) error {
		p := DefaultPolicy()
		change(&p)
		return p.Validate()
	}
	seconds := int64(7)
	for text, c := range map[string]struct {
		err  error
		rule Rule
	}{
		"name: must have 1 to 255 characters and not be blank": {validName("name", " "), RuleName},
		"name: must be UTF-8":                                                                 {validName("name", "\xff"), RuleUTF8},
		"name: must have at most 255 characters":                                              {validName("name", strings.Repeat("x", 256)), RuleMaxLength},
		"name: must not contain control or direction characters":                              {validName("name", "a\nb"), RuleCharacters},
		"name: must not begin or end with white space":                                        {validName("name", "a\u00a0"), RuleTrimmed},
		"username: must not contain invisible characters":                                     {validName("username", "a\u2060b"), RuleVisible},
		"displayName: must not contain invisible characters":                                  {validLabel("displayName", "\u200ba"), RuleVisible},
		"email: must be an address such as name@example.com":                                  {validEmail("nobody"), RuleEmail},
		"issuer: is needed with subject":                                                      {validProvider("", "x"), RuleNeededWith},
		"subject: is needed with issuer":                                                      {validProvider("https://idp.example.com", ""), RuleNeededWith},
		"type: must be USER or TECHNICAL_USER":                                                {(&Identity{Username: "x"}).Validate(), RuleOneOfTwo},
		"unusedRevokeDays: must be between 0 and 3650":                                        {policy(func(p *Policy) { p.UnusedRevokeDays = -1 }), RuleRange},
		"defaultLifetimeSeconds: must not be more than maxLifetimeSeconds":                    {policy(func(p *Policy) { p.DefaultLifetimeSeconds, p.MaxLifetimeSeconds = &seconds, 6 }), RuleNotAbove},
		"defaultScopes: must not name an entry twice":                                         {policy(func(p *Policy) { p.DefaultScopes = []string{"a", "a"} }), RuleUnique},
		"allowedNetworks: an IPv4 network must not be written as IPv6":                        {policy(func(p *Policy) { p.AllowedNetworks = []string{"::ffff:192.0.2.1"} }), RuleNetworkVersion},
		"allowedNetworks: each entry must be a network such as 192.0.2.0/24 or 2001:db8::/32": {policy(func(p *Policy) { p.AllowedNetworks = []string{"x"} }), RuleNetwork},
	} {
		wrong, ok := errors.AsType[*FieldError](c.err)
		require.True(t, ok, text)
		require.Equal(t, text, wrong.Error())
		require.Equal(t, c.rule, wrong.Rule)
	}
}

// A group keeps a name that is refused by now, and gets no other such name.
func TestOldNamesOfGroupsStay(t *testing.T) {
	before := &Group{Name: "clerks "}
	require.NoError(t, (&Snapshot{}).checkGroup(before, &Group{Name: "clerks ", Description: "they write"}))
	require.Error(t, (&Snapshot{}).checkGroup(before, &Group{Name: " clerks"}))
}

// What is accepted as a name shows all that is in it.
func TestAcceptedNamesShowWhatTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOfN(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune("a b\u00a0\u00ad\u200b\u200c\u200d\u202e\u2060\ufeff\x1b"))), 1, 6, -1).Draw(t, "name")
		if validName("name", name) != nil || validLabel("displayName", name) != nil {
			return
		}
		runes := []rune(name)
		require.False(t, unicode.In(runes[0], unicode.Cf, unicode.White_Space), name)
		require.False(t, unicode.In(runes[len(runes)-1], unicode.Cf, unicode.White_Space), name)
		require.False(t, strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }), name)
	})
}
