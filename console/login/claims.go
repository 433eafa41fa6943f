package login

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cambio-sts/cambio/internal/plain"
)

// The claims that are read (OpenID Connect Core 1.0 §2 and §5.1).
const (
	claimSubject  = "sub"
	claimUsername = "preferred_username"
	claimName     = "name"
	claimEmail    = "email"
	claimVerified = "email_verified"
	// claimElsewhere names the claims that only have references (§5.6.2).
	claimElsewhere = "_claim_names"
)

// maxText bounds a text that is read out of claims, in characters: a sub has 255 at
// most (OpenID Connect Core 1.0 §2).
const maxText = 255

// claims is an object whose members are read by their exact names.
type claims map[string]json.RawMessage

// claimsOf reads the claims that a token or an answer of the provider unmarshals into
// what it is given.
func claimsOf(unmarshal func(any) error) (claims, error) {
	var raw json.RawMessage
	if err := unmarshal(&raw); err != nil {
		return nil, because(ErrToken, err)
	}
	return parseClaims(raw)
}

// parseClaims reads one JSON object and refuses one that has a member twice, of which
// readers could see different ones. A member that is null is absent.
func parseClaims(raw []byte) (claims, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if !json.Valid(raw) {
		return nil, invalid("the claims are no JSON")
	}
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, invalid("the claims are no object")
	}
	parsed, seen := claims{}, map[string]bool{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, because(ErrToken, err)
		}
		key, ok := name.(string)
		if !ok || seen[key] {
			return nil, invalid("a claim is there twice")
		}
		seen[key] = true
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, because(ErrToken, err)
		}
		if string(value) != "null" {
			parsed[key] = value
		}
	}
	return parsed, nil
}

func (c claims) has(name string) bool { return c[name] != nil }

// read unmarshals a claim that there is.
func (c claims) read(name string, into any) error {
	if err := json.Unmarshal(c[name], into); err != nil {
		return invalid("%s is of another type", name)
	}
	return nil
}

// text reads a text; empty if there is none.
func (c claims) text(name string) (string, error) {
	var text string
	if !c.has(name) {
		return "", nil
	}
	if err := c.read(name, &text); err != nil {
		return "", err
	}
	return text, nil
}

// identifier reads what something is known by.
func (c claims) identifier(name string) (string, error) {
	text, err := c.text(name)
	switch {
	case err != nil:
		return "", err
	case strings.TrimSpace(text) == "":
		return "", invalid("%s is missing or empty", name)
	case utf8.RuneCountInString(text) > maxText || !plain.Text(text) || strings.ContainsRune(text, utf8.RuneError):
		return "", invalid("%s is too long or has characters that it may not have", name)
	}
	return text, nil
}

// texts reads a list of texts, or a single one; nil if there is none. Each comes once.
func (c claims) texts(name string) ([]string, error) {
	if !c.has(name) {
		return nil, nil
	}
	var list []*string // null is no text
	if c[name][0] != '[' {
		one, err := c.text(name)
		if err != nil {
			return nil, err
		}
		list = []*string{&one}
	} else if err := c.read(name, &list); err != nil {
		return nil, err
	}
	var texts []string
	seen := make(map[string]bool, len(list))
	for _, text := range list {
		if text == nil {
			return nil, invalid("%s has an entry of another type", name)
		}
		if *text != "" && !seen[*text] {
			seen[*text] = true
			texts = append(texts, *text)
		}
	}
	return texts, nil
}

// moment reads a NumericDate (RFC 7519 §2).
func (c claims) moment(name string) (time.Time, error) {
	var seconds float64
	if !c.has(name) {
		return time.Time{}, invalid("%s is missing", name)
	}
	if err := c.read(name, &seconds); err != nil {
		return time.Time{}, err
	}
	if seconds < 0 || seconds > 1<<40 {
		return time.Time{}, invalid("%s is no time", name)
	}
	return time.Unix(int64(seconds), 0), nil
}

// check holds the claims of an ID token against who asked for it (OpenID Connect Core
// 1.0 §3.1.3.7, steps 2 to 11).
func (c claims) check(issuer, client, nonce string, now time.Time) error {
	iss, err := c.text("iss")
	if err == nil && iss != issuer {
		err = invalid("iss is another")
	}
	if err != nil {
		return err
	}
	if err := c.checkAudience(client); err != nil {
		return err
	}
	expires, err := c.moment("exp")
	if err == nil && !now.Before(expires) {
		err = invalid("it has expired")
	}
	if err != nil {
		return err
	}
	issued, err := c.moment("iat")
	if err == nil && issued.After(now.Add(clockSkew)) {
		err = invalid("iat is in the future")
	}
	if err != nil {
		return err
	}
	told, err := c.text("nonce")
	if err == nil && subtle.ConstantTimeCompare([]byte(told), []byte(nonce)) != 1 {
		err = invalid("nonce is another")
	}
	if err != nil {
		return err
	}
	_, err = c.identifier(claimSubject)
	return err
}

// checkAudience wants the client among those who the token is for, and as the one that
// asked for it where there are others.
func (c claims) checkAudience(client string) error {
	audience, err := c.texts("aud")
	if err != nil {
		return err
	}
	if !slices.Contains(audience, client) {
		return invalid("aud is another")
	}
	party, err := c.text("azp")
	if err != nil {
		return err
	}
	if (c.has("azp") || len(audience) > 1) && party != client {
		return invalid("azp is another or missing")
	}
	return nil
}

// add takes what is not there yet from more, which must be about the same person
// (OpenID Connect Core 1.0 §5.3.2).
func (c claims) add(more claims) error {
	subject, err := more.identifier(claimSubject)
	if err != nil {
		return err
	}
	if own, err := c.text(claimSubject); err != nil || own != subject {
		return invalid("userinfo is about somebody else")
	}
	for name, value := range more {
		if !c.has(name) {
			c[name] = value
		}
	}
	return nil
}

// person reads who the claims are about.
func (c claims) person(key, groups string) (Person, error) {
	var elsewhere claims
	if c.has(claimElsewhere) {
		var err error
		if elsewhere, err = parseClaims(c[claimElsewhere]); err != nil {
			return Person{}, err
		}
	}
	if elsewhere.has(key) || groups != "" && elsewhere.has(groups) {
		return Person{}, ErrOverage
	}
	var person Person
	var errs [6]error
	person.Subject, errs[0] = c.identifier(claimSubject)
	person.Key, errs[1] = c.identifier(key)
	person.Username, errs[2] = c.text(claimUsername)
	person.DisplayName, errs[3] = c.text(claimName)
	person.Email, errs[4] = c.email()
	if groups != "" {
		person.Groups, errs[5] = c.texts(groups)
	}
	for _, err := range errs {
		if err != nil {
			return Person{}, err
		}
	}
	return person, nil
}

// email is empty for an address that the provider says is not verified. Some say it
// by a text.
func (c claims) email() (string, error) {
	address, err := c.text(claimEmail)
	if err != nil || !c.has(claimVerified) {
		return address, err
	}
	switch string(c[claimVerified]) {
	case "true", `"true"`:
		return address, nil
	case "false", `"false"`:
		return "", nil
	default:
		return "", invalid("%s is of another type", claimVerified)
	}
}
