package pat

import (
	"fmt"

	"github.com/cambio-sts/cambio/directory"
)

// Rule names what a field can break. It is stable: a door finds its own words for
// it, in any language.
type Rule = directory.Rule

// The rules of fields.
const (
	RuleLength         Rule = "length" // least and most characters
	RuleNotBlank       Rule = "not_blank"
	RuleUTF8           Rule = "utf8"
	RuleMaxLength      Rule = "max_length" // most characters
	RuleCharacters     Rule = "characters"
	RuleTrimmed        Rule = "trimmed"
	RuleVisible        Rule = "visible"
	RuleMaxEntries     Rule = "max_entries" // most entries
	RuleScopeEntry     Rule = "scope_entry" // most characters of an entry
	RuleUnique         Rule = "unique"
	RuleMaxTotal       Rule = "max_total"   // most characters of all entries
	RuleEntryBytes     Rule = "entry_bytes" // most bytes of an entry
	RuleNetwork        Rule = "network"
	RuleNetworkVersion Rule = "network_version"
	RuleRange          Rule = "range" // least and most
	RuleFuture         Rule = "future"
	RuleMaxLifetime    Rule = "max_lifetime" // most seconds
	RuleMustExpire     Rule = "must_expire"
	RuleAcknowledged   Rule = "acknowledged"
	RuleNoGrace        Rule = "no_grace"
	RuleNotNull        Rule = "not_null"
)

// RuleTexts returns what to do by each rule, in English, with the verbs of package
// fmt that its arguments fill.
func RuleTexts() map[Rule]string {
	return map[Rule]string{
		RuleLength:         "must have %d to %d characters",
		RuleNotBlank:       "must not be blank",
		RuleUTF8:           "must be UTF-8",
		RuleMaxLength:      "must have at most %d characters",
		RuleCharacters:     "must not contain control or direction characters",
		RuleTrimmed:        "must not begin or end with white space",
		RuleVisible:        "must not contain invisible characters",
		RuleMaxEntries:     "must have at most %d entries",
		RuleScopeEntry:     "each entry must be 1 to %d printable ASCII characters without space, quote or backslash",
		RuleUnique:         "must not name an entry twice",
		RuleMaxTotal:       "must have at most %d characters in all",
		RuleEntryBytes:     "each entry must have 1 to %d bytes",
		RuleNetwork:        "each entry must be a network such as 192.0.2.0/24 or 2001:db8::/32",
		RuleNetworkVersion: "an IPv4 network must not be written as IPv6",
		RuleRange:          "must be between %d and %d",
		RuleFuture:         "must lie in the future",
		RuleMaxLifetime:    "must lie within %d seconds, the longest life that the organization allows",
		RuleMustExpire:     "is needed: the organization does not allow tokens that never expire",
		RuleAcknowledged:   "must be true for a token without expirationDate",
		RuleNoGrace:        "must be 0 or absent with the reason compromised: a secret that leaked is given no grace",
		RuleNotNull:        "must not be null",
	}
}

// FieldError says what is wrong with one field of a draft or change, in the way of all
// fields.
type FieldError = directory.FieldError

// Broken returns a *FieldError: the field breaks the rule.
func Broken(field string, rule Rule, args ...any) error {
	return &FieldError{Field: field, Cause: fmt.Sprintf(RuleTexts()[rule], args...), Rule: rule, Args: args}
}
