package directory

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cambio-sts/cambio/internal/plain"
)

const (
	maxText        = 255  // characters of a name
	maxDescription = 2000 // characters
	maxIssuer      = 2000 // characters
)

// validName accepts what people tell things apart by.
func validName(field, name string) error {
	if strings.TrimSpace(name) == "" {
		return Broken(field, RuleName, maxText)
	}
	return validLabel(field, name)
}

// validRename is validName of what was another name before. One that stays was
// accepted once: it must not keep anybody from disabling who has it.
func validRename(field, before, after string) error {
	if after == before && after != "" {
		return nil
	}
	return validName(field, after)
}

// validLabel accepts a name or nothing.
func validLabel(field, label string) error {
	if err := validText(field, label, maxText); err != nil {
		return err
	}
	if !plain.Trimmed(label) {
		return Broken(field, RuleTrimmed)
	}
	if !plain.Visible(label) {
		return Broken(field, RuleVisible)
	}
	return nil
}

// validText refuses what could break a line of a log or disguise itself on a
// page: control characters and those that turn the direction of writing.
func validText(field, text string, limit int) error {
	if !utf8.ValidString(text) {
		return Broken(field, RuleUTF8)
	}
	if utf8.RuneCountInString(text) > limit {
		return Broken(field, RuleMaxLength, limit)
	}
	if !plain.Text(text) {
		return Broken(field, RuleCharacters)
	}
	return nil
}

// validEmail accepts an address or nothing. Whether anybody reads it only a
// message can tell.
func validEmail(email string) error {
	if email == "" {
		return nil
	}
	if err := validText("email", email, maxText); err != nil {
		return err
	}
	local, domain, _ := strings.Cut(email, "@")
	if local == "" || domain == "" || strings.Contains(domain, "@") || strings.ContainsFunc(email, unicode.IsSpace) {
		return Broken("email", RuleEmail)
	}
	return nil
}

// validProvider accepts the link to an identity provider, or none: half of one
// finds nobody, or the wrong one.
func validProvider(issuer, subject string) error {
	switch {
	case issuer == "" && subject == "":
		return nil
	case issuer == "":
		return Broken("issuer", RuleNeededWith, "subject")
	case subject == "":
		return Broken("subject", RuleNeededWith, "issuer")
	}
	if err := validText("issuer", issuer, maxIssuer); err != nil {
		return err
	}
	if !validIssuer(issuer) {
		return Broken("issuer", RuleIssuer)
	}
	if strings.TrimSpace(subject) == "" {
		return Broken("subject", RuleName, maxText)
	}
	return validText("subject", subject, maxText) // the provider's, whatever it looks like
}

func validIssuer(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(issuer, "?#") {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
