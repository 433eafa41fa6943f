package console

import (
	"strconv"
	"strings"

	"github.com/cambio-sts/cambio/directory"
)

// kindSpan is a span of time: a number and its unit. Its value is in seconds.
const kindSpan = "span"

// policyMember is a member of a policy in the form: its value as text, empty for none.
type policyMember struct {
	group, name, kind string
	get               func(*directory.Policy) string
	set               func(*directory.Policy, string) error
}

// policyMembers are all of them, as the form has them.
var policyMembers = []policyMember{
	{
		"life", "maxLifetimeSeconds", kindSpan,
		func(p *directory.Policy) string { return positive(p.MaxLifetimeSeconds) },
		func(p *directory.Policy, s string) error { return readInt(s, &p.MaxLifetimeSeconds) },
	},
	{
		"life", "defaultLifetimeSeconds", kindSpan,
		func(p *directory.Policy) string {
			if p.DefaultLifetimeSeconds == nil {
				return ""
			}
			return strconv.FormatInt(*p.DefaultLifetimeSeconds, 10)
		},
		func(p *directory.Policy, s string) error {
			if p.DefaultLifetimeSeconds = nil; s == "" {
				return nil
			}
			p.DefaultLifetimeSeconds = new(int64)
			return readInt(s, p.DefaultLifetimeSeconds)
		},
	},
	flagMember("life", "enforceOnExisting", func(p *directory.Policy) *bool { return &p.EnforceOnExisting }),
	flagMember("never", "allowNeverExpire", func(p *directory.Policy) *bool { return &p.AllowNeverExpire }),
	flagMember("never", "requireNeverExpireAcknowledgement", func(p *directory.Policy) *bool { return &p.RequireNeverExpireAcknowledgement }),
	countMember("limits", "maxTokensPerOwner", func(p *directory.Policy) *int { return &p.MaxTokensPerOwner }),
	listMember("limits", "defaultScopes", func(p *directory.Policy) *[]string { return &p.DefaultScopes }),
	{
		"jwt", "defaultAccessTokenSeconds", kindSpan,
		func(p *directory.Policy) string { return positive(p.DefaultAccessTokenSeconds) },
		func(p *directory.Policy, s string) error { return readInt(s, &p.DefaultAccessTokenSeconds) },
	},
	{
		"jwt", "maxAccessTokenSeconds", kindSpan,
		func(p *directory.Policy) string { return positive(p.MaxAccessTokenSeconds) },
		func(p *directory.Policy, s string) error { return readInt(s, &p.MaxAccessTokenSeconds) },
	},
	countMember("idle", "logonInactivityDays", func(p *directory.Policy) *int { return &p.LogonInactivityDays }),
	countMember("idle", "unusedRevokeDays", func(p *directory.Policy) *int { return &p.UnusedRevokeDays }),
	listMember("networks", "allowedNetworks", func(p *directory.Policy) *[]string { return &p.AllowedNetworks }),
}

func flagMember(group, name string, of func(*directory.Policy) *bool) policyMember {
	return policyMember{
		group, name, kindCheckbox,
		func(p *directory.Policy) string {
			if *of(p) {
				return "true"
			}
			return ""
		},
		func(p *directory.Policy, s string) error { *of(p) = s != ""; return nil },
	}
}

func countMember(group, name string, of func(*directory.Policy) *int) policyMember {
	return policyMember{
		group, name, kindNumber,
		func(p *directory.Policy) string { return strconv.Itoa(*of(p)) },
		func(p *directory.Policy, s string) (err error) { *of(p), err = strconv.Atoi(s); return err },
	}
}

func listMember(group, name string, of func(*directory.Policy) *[]string) policyMember {
	return policyMember{
		group, name, kindTextArea,
		func(p *directory.Policy) string { return linesOf(*of(p)) },
		func(p *directory.Policy, s string) error { *of(p) = strings.Fields(s); return nil },
	}
}

// positive is a number as text, empty for 0.
func positive(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// readInt reads a number; nothing is 0.
func readInt(text string, to *int64) (err error) {
	if *to = 0; text != "" {
		*to, err = strconv.ParseInt(text, 10, 64)
	}
	return err
}
