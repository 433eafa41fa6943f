package httpx

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cambio-sts/cambio/internal/secret"
)

var (
	// ErrAuthorization says that the Authorization header is not one well-formed
	// credential of its scheme.
	ErrAuthorization = errors.New("the Authorization header is malformed")
	// ErrAuthorizationRepeated says that there is more than one Authorization header.
	ErrAuthorizationRepeated = errors.New("there is more than one Authorization header")
)

// BasicCredentials returns the user and password of an HTTP Basic header as
// OAuth clients send them: base64 (RFC 7617), and in it each form-urlencoded
// once (RFC 6749 §2.3.1). Present is false when there is no Authorization header
// or it is of another scheme. With an error, which is ErrAuthorization or
// ErrAuthorizationRepeated, present is true and the rest empty.
func BasicCredentials(r *http.Request) (user string, password secret.Text, present bool, err error) {
	credentials, present, err := authorization(r, "Basic")
	if !present || err != nil {
		return "", secret.Text{}, present, err
	}
	// The decoder passes over line ends, which no header may hold.
	decoded, err := base64.StdEncoding.Strict().DecodeString(credentials)
	if err != nil || strings.ContainsAny(credentials, "\r\n") {
		return "", secret.Text{}, true, ErrAuthorization
	}
	rawUser, rawPassword, found := strings.Cut(string(decoded), ":")
	user, userOK := decodeCredential(rawUser)
	text, textOK := decodeCredential(rawPassword)
	if !found || !userOK || !textOK {
		return "", secret.Text{}, true, ErrAuthorization
	}
	return user, secret.New(text), true, nil
}

// BearerToken returns the token of a Bearer header (RFC 6750 §2.1). Present and
// err are as with BasicCredentials.
func BearerToken(r *http.Request) (token secret.Text, present bool, err error) {
	credentials, present, err := authorization(r, "Bearer")
	if !present || err != nil {
		return secret.Text{}, present, err
	}
	if !isToken68(credentials) {
		return secret.Text{}, true, ErrAuthorization
	}
	return secret.New(credentials), true, nil
}

// authorization returns what follows the scheme, whose case does not matter
// (RFC 9110 §11.1), in the one Authorization header.
func authorization(r *http.Request, scheme string) (credentials string, present bool, err error) {
	values := r.Header["Authorization"]
	switch {
	case len(values) == 0:
		return "", false, nil
	case len(values) > 1:
		return "", true, ErrAuthorizationRepeated
	case values[0] == "":
		return "", true, ErrAuthorization
	}
	given, rest, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(given, scheme) {
		return "", false, nil
	}
	return strings.TrimLeft(rest, " "), true, nil
}

// decodeCredential undoes one form-urlencoding and refuses what is empty, not
// UTF-8 or holds a control character.
func decodeCredential(raw string) (string, bool) {
	text, err := url.QueryUnescape(raw)
	if err != nil || text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return "", false
	}
	return text, true
}

// isToken68 reports whether s has the syntax of RFC 9110 §11.2.
func isToken68(s string) bool {
	body := strings.TrimRight(s, "=")
	if body == "" {
		return false
	}
	for i := range len(body) {
		c := body[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-._~+/", c) >= 0:
		default:
			return false
		}
	}
	return true
}
