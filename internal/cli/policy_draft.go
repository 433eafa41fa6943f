package cli

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/spf13/cobra"
)

// policyDraft is a policy as flags or a file give it.
type policyDraft struct {
	file                        string
	defaultLifetime             string
	maxLifetime                 string
	defaultAccess, maxAccess    string
	allowNever, acknowledge     bool
	enforce                     bool
	maxTokens                   int
	logonInactivity, unusedDays int
	defaultScopes, networks     []string
}

// policyFlag is a flag for one member of a policy.
type policyFlag struct {
	flag, name string
	value      func() (any, error)
}

func (d *policyDraft) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&d.file, "file", "", "file with the whole policy as JSON, - for stdin, in place of the flags for its parts")
	flags.StringVar(&d.defaultLifetime, "default-lifetime", "", "life of tokens that are created without an end, such as 90d, or never")
	flags.StringVar(&d.maxLifetime, "max-lifetime", "", "longest life of a token, such as 365d; 0 for any")
	flags.BoolVar(&d.allowNever, "allow-never-expire", true, "allow tokens that never expire")
	flags.BoolVar(&d.acknowledge, "require-never-expire-acknowledgement", false, "have whoever creates a token without an end say so")
	flags.BoolVar(&d.enforce, "enforce-on-existing", false, "end the tokens that there are by the longest life, too")
	flags.IntVar(&d.maxTokens, "max-tokens-per-owner", 0, "how many usable tokens an owner may have; 0 for any number")
	flags.StringSliceVar(&d.defaultScopes, "default-scope", nil, "scope of tokens that are created without; repeatable, comma-separated")
	flags.StringVar(&d.defaultAccess, "default-access-token-validity", "", "how long access tokens are valid where the token does not say, such as 5m")
	flags.StringVar(&d.maxAccess, "max-access-token-validity", "", "how long access tokens are valid at most, such as 12h")
	flags.IntVar(&d.logonInactivity, "logon-inactivity-days", 0, "days without a login after which a person's tokens are refused; 0 for never")
	flags.IntVar(&d.unusedDays, "unused-revoke-days", 0, "days without a use after which a token is revoked; 0 for never")
	flags.StringSliceVar(&d.networks, "network", nil, "from where tokens may be used, such as 192.0.2.0/24; repeatable, empty for anywhere")
	complete(command, "default-scope", scopes()...)
}

// parts are the flags for the members of a policy, by their names in the API.
func (d *policyDraft) parts() []policyFlag {
	return []policyFlag{
		{"default-lifetime", "defaultLifetimeSeconds", func() (any, error) {
			if d.defaultLifetime == "never" {
				return nil, nil
			}
			return parseSeconds(d.defaultLifetime)
		}},
		{"max-lifetime", "maxLifetimeSeconds", func() (any, error) { return parseSeconds(d.maxLifetime) }},
		{"allow-never-expire", "allowNeverExpire", known(&d.allowNever)},
		{"require-never-expire-acknowledgement", "requireNeverExpireAcknowledgement", known(&d.acknowledge)},
		{"enforce-on-existing", "enforceOnExisting", known(&d.enforce)},
		{"max-tokens-per-owner", "maxTokensPerOwner", known(&d.maxTokens)},
		{"default-scope", "defaultScopes", known(&d.defaultScopes)},
		{"default-access-token-validity", "defaultAccessTokenSeconds", func() (any, error) { return parseSeconds(d.defaultAccess) }},
		{"max-access-token-validity", "maxAccessTokenSeconds", func() (any, error) { return parseSeconds(d.maxAccess) }},
		{"logon-inactivity-days", "logonInactivityDays", known(&d.logonInactivity)},
		{"unused-revoke-days", "unusedRevokeDays", known(&d.unusedDays)},
		{"network", "allowedNetworks", known(&d.networks)},
	}
}

// known returns what a flag holds as it is.
func known[T any](value *T) func() (any, error) { return func() (any, error) { return *value, nil } }

// change returns what makes the new policy of the present one. It reads flags and
// file, and refuses what is wrong with them.
func (d *policyDraft) change(c *call) (func(present []byte) ([]byte, error), error) {
	given := map[string]json.RawMessage{}
	var first string
	for _, part := range d.parts() {
		if !c.changed(part.flag) {
			continue
		}
		value, err := part.value()
		if err != nil {
			return nil, err
		}
		if given[part.name], err = json.Marshal(value); err != nil {
			return nil, fmt.Errorf("encode --%s: %w", part.flag, err)
		}
		first = firstOf(first, part.flag)
	}
	switch {
	case d.file != "" && first != "":
		return nil, usage("--file has the whole policy, so --"+first+" has no place beside it", "leave one of them out")
	case d.file != "":
		whole, err := c.readObject(d.file, "file")
		return func([]byte) ([]byte, error) { return whole, nil }, err
	case first == "":
		return nil, usage("there is nothing to change", "add what shall change, such as --max-lifetime 90d, or --file FILE")
	}
	return func(present []byte) ([]byte, error) { return replaced(present, given) }, nil
}

// replaced returns the JSON object with the members given in place of its own,
// and everything else as it was: a later server may have members that this
// program does not know.
func replaced(object []byte, given map[string]json.RawMessage) ([]byte, error) {
	all, err := members(object)
	if err != nil {
		return nil, err
	}
	whole := map[string]json.RawMessage{}
	for _, m := range all {
		whole[m.name] = m.value
	}
	maps.Copy(whole, given)
	body, err := json.Marshal(whole)
	if err != nil {
		return nil, fmt.Errorf("encode policy: %w", err)
	}
	return body, nil
}
