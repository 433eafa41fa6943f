package pat

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cambio-sts/cambio/directory"
)

const (
	maxName        = 255  // characters
	maxDescription = 2000 // characters
	maxNetworks    = 100
	maxAudiences   = 20
	maxAudienceLen = 500 // bytes

	// MinAccessTokenLife is the shortest life that a token may ask for its JWTs.
	MinAccessTokenLife = 15 * time.Second
	// MaxAccessTokenLife is the longest.
	MaxAccessTokenLife = 43200 * time.Second
)

// FieldError says what is wrong with one field of a draft or change. The text
// names the fix and repeats nothing of the value.
type FieldError struct {
	Field string // its name in the API
	Cause string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Cause }

func fieldf(field, format string, args ...any) error {
	return &FieldError{Field: field, Cause: fmt.Sprintf(format, args...)}
}

func validName(name string) error {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName {
		return fieldf("name", "must have 1 to %d characters", maxName)
	}
	if strings.TrimSpace(name) == "" {
		return fieldf("name", "must not be blank")
	}
	return validText("name", name, maxName)
}

// validText refuses what could break a line of a log or disguise itself on a
// page: control characters and the bidirectional overrides.
func validText(field, text string, limit int) error {
	if !utf8.ValidString(text) {
		return fieldf(field, "must be UTF-8")
	}
	if utf8.RuneCountInString(text) > limit {
		return fieldf(field, "must have at most %d characters", limit)
	}
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\uFEFF' || r == '\u2028' || r == '\u2029' {
			return fieldf(field, "must not contain control or direction characters")
		}
	}
	return nil
}

func validScopes(scopes []string) error {
	if len(scopes) > maxScopes {
		return fieldf("scope", "must have at most %d entries", maxScopes)
	}
	seen, length := make(map[string]bool, len(scopes)), 0
	for _, scope := range scopes {
		length += len(scope) + len(" ")
		if !ValidScope(scope) {
			return fieldf("scope", "each entry must be 1 to %d printable ASCII characters without space, quote or backslash", maxScopeLength)
		}
		if seen[scope] {
			return fieldf("scope", "must not name an entry twice")
		}
		seen[scope] = true
	}
	if length > MaxScopesLength {
		return fieldf("scope", "must have at most %d characters in all", MaxScopesLength)
	}
	return nil
}

func validAudiences(audiences []string) error {
	if len(audiences) > maxAudiences {
		return fieldf("audience", "must have at most %d entries", maxAudiences)
	}
	for _, audience := range audiences {
		if audience == "" || len(audience) > maxAudienceLen {
			return fieldf("audience", "each entry must have 1 to %d bytes", maxAudienceLen)
		}
		if err := validText("audience", audience, maxAudienceLen); err != nil {
			return err
		}
	}
	return nil
}

// ParseNetworks reads CIDRs or single addresses, as the field of that name.
func ParseNetworks(field string, texts []string) ([]netip.Prefix, error) {
	if len(texts) > maxNetworks {
		return nil, fieldf(field, "must have at most %d entries", maxNetworks)
	}
	networks := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			addr, addrErr := netip.ParseAddr(text)
			if addrErr != nil || addr.Zone() != "" {
				return nil, fieldf(field, "each entry must be a network such as 192.0.2.0/24 or 2001:db8::/32")
			}
			network = netip.PrefixFrom(addr, addr.BitLen())
		}
		if network.Addr().Is4In6() {
			return nil, fieldf(field, "an IPv4 network must not be written as IPv6")
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

func validAccessTokenLife(life time.Duration) error {
	if life != 0 && (life < MinAccessTokenLife || life > MaxAccessTokenLife) {
		return fieldf("accessTokenValiditySeconds", "must be between %d and %d", int(MinAccessTokenLife.Seconds()), int(MaxAccessTokenLife.Seconds()))
	}
	return nil
}

// expiry decides when a token made at created and changed now expires. A zero
// time is never. The longest life counts from created, so that no series of changes outlives it.
func expiry(wanted time.Time, acknowledged bool, policy *directory.Policy, created, now time.Time) (time.Time, error) {
	longest := created.Add(time.Duration(policy.MaxLifetimeSeconds) * time.Second)
	if !wanted.IsZero() {
		if !wanted.After(now) {
			return time.Time{}, fieldf("expirationDate", "must lie in the future")
		}
		if policy.MaxLifetimeSeconds > 0 && wanted.After(longest) {
			return time.Time{}, fieldf("expirationDate", "must lie within %d seconds, the longest life that the organization allows", policy.MaxLifetimeSeconds)
		}
		return wanted, nil
	}
	if !acknowledged && policy.DefaultLifetimeSeconds != nil {
		end := now.Add(time.Duration(*policy.DefaultLifetimeSeconds) * time.Second)
		if policy.MaxLifetimeSeconds > 0 && end.After(longest) {
			end = longest
		}
		return end, nil
	}
	if !policy.AllowNeverExpire || policy.MaxLifetimeSeconds > 0 {
		return time.Time{}, fieldf("expirationDate", "is needed: the organization does not allow tokens that never expire")
	}
	if policy.RequireNeverExpireAcknowledgement && !acknowledged {
		return time.Time{}, fieldf("userAwareTokenNeverExpires", "must be true for a token without expirationDate")
	}
	return time.Time{}, nil
}
