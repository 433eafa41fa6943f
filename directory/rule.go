package directory

import "fmt"

// Rule names what a field can break. It is stable: a door finds its own words for
// it, in any language. Package pat has rules of its own; one of the same name there
// is the same.
type Rule string

// The rules of fields.
const (
	RuleName           Rule = "name" // most characters
	RuleUTF8           Rule = "utf8"
	RuleMaxLength      Rule = "max_length" // most characters
	RuleCharacters     Rule = "characters"
	RuleTrimmed        Rule = "trimmed"
	RuleVisible        Rule = "visible"
	RuleEmail          Rule = "email"
	RuleNeededWith     Rule = "needed_with" // another field
	RuleIssuer         Rule = "issuer"
	RuleOneOfTwo       Rule = "one_of_two"  // the two values
	RuleMaxEntries     Rule = "max_entries" // most entries
	RuleRange          Rule = "range"       // least and most
	RuleNotAbove       Rule = "not_above"   // another field
	RuleScopeEntry     Rule = "scope_entry" // most characters of an entry
	RuleUnique         Rule = "unique"
	RuleNetwork        Rule = "network"
	RuleNetworkVersion Rule = "network_version"
	RuleNotNull        Rule = "not_null"
	RuleUnknown        Rule = "unknown"
	RuleRoleOrRights   Rule = "role_or_rights"
	RuleRight          Rule = "right"
	RuleRole           Rule = "role"
	RuleRoleScope      Rule = "role_scope"
	RulePlatformID     Rule = "platform_id"
	RuleGroupID        Rule = "group_id"
	RuleOwnAddress     Rule = "own_address" // the address
	RuleOwnToken       Rule = "own_token"
	RuleOwnIdentity    Rule = "own_identity"
	RuleNotFuture      Rule = "not_future"
	RuleFileVersion    Rule = "file_version" // the version there is
	RuleRepeated       Rule = "repeated"
	RuleUnknownName    Rule = "unknown_name"
	RuleSubject        Rule = "subject" // the property that access tokens name
)

// RuleTexts returns what to do by each rule, in English, with the verbs of package
// fmt that its arguments fill.
func RuleTexts() map[Rule]string {
	return map[Rule]string{
		RuleName:           "must have 1 to %d characters and not be blank",
		RuleUTF8:           "must be UTF-8",
		RuleMaxLength:      "must have at most %d characters",
		RuleCharacters:     "must not contain control or direction characters",
		RuleTrimmed:        "must not begin or end with white space",
		RuleVisible:        "must not contain invisible characters",
		RuleEmail:          "must be an address such as name@example.com",
		RuleNeededWith:     "is needed with %s",
		RuleIssuer:         "must be an https URL without query and fragment, or an http one on loopback",
		RuleOneOfTwo:       "must be %s or %s",
		RuleMaxEntries:     "must have at most %d entries",
		RuleRange:          "must be between %d and %d",
		RuleNotAbove:       "must not be more than %s",
		RuleScopeEntry:     "each entry must be 1 to %d printable ASCII characters without space, quote or backslash",
		RuleUnique:         "must not name an entry twice",
		RuleNetwork:        "each entry must be a network such as 192.0.2.0/24 or 2001:db8::/32",
		RuleNetworkVersion: "an IPv4 network must not be written as IPv6",
		RuleNotNull:        "must not be null",
		RuleUnknown:        "there is none of that id in the organization",
		RuleRoleOrRights:   "give either a role or rights",
		RuleRight:          "each entry must be one of the rights, such as cambio:introspect",
		RuleRole:           "must be one of the roles",
		RuleRoleScope:      "must be %s for this role or these rights",
		RulePlatformID:     "must be absent on the platform",
		RuleGroupID:        "must be the id of a group",
		RuleOwnAddress:     "must contain %s, from where you come: you could not change it back",
		RuleOwnToken:       "would end the token that you act with at once: you could not change it back",
		RuleOwnIdentity:    "would make you inactive at once: you could not change it back; have your login recorded first",
		RuleNotFuture:      "must not lie in the future",
		RuleFileVersion:    "must be %d",
		RuleRepeated:       "is in the file twice",
		RuleUnknownName:    "there is none of that name in the file or the organization",
		RuleSubject:        "there can be only one organization while access tokens name their owner by %s, which two could share: set token.subject to id in the configuration of the server",
	}
}

// FieldError says what is wrong with one field of an identity, a group, an
// organization or its policy. The text names the fix and repeats nothing of the
// value.
type FieldError struct {
	Field string // its name in the API
	Cause string // in English
	Rule  Rule   // that it breaks; empty if it has no name
	Args  []any  // what fills the text of the rule
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Cause }

// Broken returns a *FieldError: the field breaks the rule.
func Broken(field string, rule Rule, args ...any) error {
	return &FieldError{Field: field, Cause: fmt.Sprintf(RuleTexts()[rule], args...), Rule: rule, Args: args}
}
