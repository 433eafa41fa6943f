package httpx

import (
	"iter"
	"net/url"
	"strings"
)

// CheckQuery returns a *FormError of kind ErrSecretInURI if a query string has a
// parameter that carries a credential, and names it. Nothing else about the
// query string is judged, so that no trick of syntax hides a credential.
func CheckQuery(rawQuery string) error {
	for name := range queryNames(rawQuery) {
		if param := secretParam(name); param != "" {
			return &FormError{Kind: ErrSecretInURI, Param: param}
		}
	}
	return nil
}

// queryNames yields the parameter names of a query string read generously: both
// separators split, a name with a broken escape counts as it stands.
func queryNames(raw string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for raw != "" {
			pair := raw
			if i := strings.IndexAny(raw, "&;"); i >= 0 {
				pair, raw = raw[:i], raw[i+1:]
			} else {
				raw = ""
			}
			name, _, _ := strings.Cut(pair, "=")
			if decoded, err := url.QueryUnescape(name); err == nil {
				name = decoded
			}
			if name != "" && !yield(name) {
				return
			}
		}
	}
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
