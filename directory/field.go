package directory

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
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
	return validText(field, name, maxText)
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
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\uFEFF' || r == '\u2028' || r == '\u2029' {
			return Broken(field, RuleCharacters)
		}
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
	return validName("subject", subject)
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
