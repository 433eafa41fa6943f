package pat

import (
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/plain"
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

// validName accepts what people tell tokens apart by.
func validName(name string) error {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName {
		return Broken("name", RuleLength, 1, maxName)
	}
	if strings.TrimSpace(name) == "" {
		return Broken("name", RuleNotBlank)
	}
	if err := validText("name", name, maxName); err != nil {
		return err
	}
	if !plain.Trimmed(name) {
		return Broken("name", RuleTrimmed)
	}
	if !plain.Visible(name) {
		return Broken("name", RuleVisible)
	}
	return nil
}

// validText refuses what could break a line of a log or disguise itself on a
// page: control characters and the bidirectional overrides.
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

func validScopes(scopes []string) error {
	if len(scopes) > maxScopes {
		return Broken("scope", RuleMaxEntries, maxScopes)
	}
	seen, length := make(map[string]bool, len(scopes)), 0
	for _, scope := range scopes {
		length += len(scope) + len(" ")
		if !ValidScope(scope) {
			return Broken("scope", RuleScopeEntry, maxScopeLength)
		}
		if seen[scope] {
			return Broken("scope", RuleUnique)
		}
		seen[scope] = true
	}
	if length > MaxScopesLength {
		return Broken("scope", RuleMaxTotal, MaxScopesLength)
	}
	return nil
}

func validAudiences(audiences []string) error {
	if len(audiences) > maxAudiences {
		return Broken("audience", RuleMaxEntries, maxAudiences)
	}
	for _, audience := range audiences {
		if audience == "" || len(audience) > maxAudienceLen {
			return Broken("audience", RuleEntryBytes, maxAudienceLen)
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
		return nil, Broken(field, RuleMaxEntries, maxNetworks)
	}
	networks := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			addr, addrErr := netip.ParseAddr(text)
			if addrErr != nil || addr.Zone() != "" {
				return nil, Broken(field, RuleNetwork)
			}
			network = netip.PrefixFrom(addr, addr.BitLen())
		}
		if network.Addr().Is4In6() {
			return nil, Broken(field, RuleNetworkVersion)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

func validAccessTokenLife(life time.Duration) error {
	if life != 0 && (life < MinAccessTokenLife || life > MaxAccessTokenLife) {
		return Broken("accessTokenValiditySeconds", RuleRange, int(MinAccessTokenLife.Seconds()), int(MaxAccessTokenLife.Seconds()))
	}
	return nil
}

// expiry decides when a token made at created and changed now expires. A zero
// time is never. The longest life counts from created, so that no series of changes outlives it.
func expiry(wanted time.Time, acknowledged bool, policy *directory.Policy, created, now time.Time) (time.Time, error) {
	longest := created.Add(time.Duration(policy.MaxLifetimeSeconds) * time.Second)
	if !wanted.IsZero() {
		if !wanted.After(now) {
			return time.Time{}, Broken("expirationDate", RuleFuture)
		}
		if policy.MaxLifetimeSeconds > 0 && wanted.After(longest) {
			return time.Time{}, Broken("expirationDate", RuleMaxLifetime, policy.MaxLifetimeSeconds)
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
		return time.Time{}, Broken("expirationDate", RuleMustExpire)
	}
	if policy.RequireNeverExpireAcknowledgement && !acknowledged {
		return time.Time{}, Broken("userAwareTokenNeverExpires", RuleAcknowledged)
	}
	return time.Time{}, nil
}
