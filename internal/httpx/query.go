package httpx

import (
	"iter"
	"net/url"
	"strings"
)

// CheckQuery returns a *FormError of kind ErrSecretInURI if a query string has a
// parameter that carries a credential, by its name or by a value that
// looksSecret takes for one; nil looks at names only. Nothing else about the query
// string is judged, so that no trick of syntax hides a credential.
func CheckQuery(rawQuery string, looksSecret func(value string) bool) error {
	for name, value := range queryParams(rawQuery) {
		if param := secretParam(name); param != "" {
			return &FormError{Kind: ErrSecretInURI, Param: param}
		}
		if looksSecret != nil && looksSecret(value) {
			return &FormError{Kind: ErrSecretInURI, Param: knownParam(name)}
		}
	}
	return nil
}

// queryParams yields the parameters of a query string read generously: both
// separators split, what has a broken escape counts as it stands, and a name
// without a value is its own.
func queryParams(raw string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for raw != "" {
			pair := raw
			if i := strings.IndexAny(raw, "&;"); i >= 0 {
				pair, raw = raw[:i], raw[i+1:]
			} else {
				raw = ""
			}
			name, value, _ := strings.Cut(pair, "=")
			if value == "" {
				value = name
			}
			if !yield(unescapeIfValid(name), unescapeIfValid(value)) {
				return
			}
		}
	}
}

func unescapeIfValid(text string) string {
	if decoded, err := url.QueryUnescape(text); err == nil {
		return decoded
	}
	return text
}

// secretParam returns the credential parameter that name is, in any case of its
// letters, or nothing.
func secretParam(name string) string {
	switch lower := strings.ToLower(name); lower {
	case "subject_token", "client_secret", "actor_token", "token", "access_token",
		"refresh_token", "client_assertion", "password":
		return lower
	}
	return ""
}

// knownParam returns name if it is a request parameter of the OAuth endpoints,
// else nothing.
func knownParam(name string) string {
	if param := secretParam(name); param != "" {
		return param
	}
	switch name {
	case "grant_type", "client_id", "scope", "audience", "resource", "username",
		"subject_token_type", "actor_token_type", "requested_token_type",
		"token_type_hint", "client_assertion_type", "client_ip":
		return name
	}
	return ""
}
