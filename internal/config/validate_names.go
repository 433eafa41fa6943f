package config

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// apiPath makes the management API's audience of the issuer.
const apiPath = "/api/v1"

var issuerHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// checkIssuer holds the issuer to the one form that every comparison of `iss`
// can be made with byte by byte (RFC 8414 §2, RFC 9068 §4).
func checkIssuer(issuer string) *fault {
	scheme, authority, ok := strings.Cut(issuer, "://")
	if !ok || (scheme != "https" && scheme != "http") {
		return &fault{"is not an https URL", "write it as https://host or https://host:port"}
	}
	if strings.ContainsAny(authority, "/?#@") {
		return &fault{"has a path, query, fragment, user or trailing slash", "write only https://host or https://host:port"}
	}
	host, ok := issuerAuthority(authority)
	if !ok {
		return &fault{"has a host or port that is none, or one in capitals", "write a lower-case host name or an IP address, and a port from 1 to 65535"}
	}
	if scheme == "http" && !isLoopbackHost(host) {
		return &fault{"is plain http", "write https; http is for localhost, 127.0.0.1 and [::1]"}
	}
	return nil
}

// issuerAuthority returns the host, without brackets, of an authority in its
// canonical form.
func issuerAuthority(authority string) (string, bool) {
	hostPort, ok := parseHostPort(authority, "443")
	if !ok || strings.HasSuffix(authority, ":") {
		return "", false
	}
	if strings.HasPrefix(authority, "[") {
		inner, _, _ := strings.Cut(authority[1:], "]")
		ip, err := netip.ParseAddr(inner)
		return inner, err == nil && ip.String() == inner
	}
	host := hostPort[:strings.LastIndexByte(hostPort, ':')]
	if !issuerHost.MatchString(host) || len(host) > 253 {
		return "", false
	}
	if last := host[strings.LastIndexByte(host, '.')+1:]; isNumeric(last) {
		// A host whose last label is a number is an IPv4 address or nothing.
		_, err := netip.ParseAddr(host)
		return host, err == nil
	}
	return host, true
}

func isNumeric(label string) bool {
	_, err := strconv.ParseUint(label, 0, 64)
	return err == nil
}

func (l *loader) validateServices(cfg *Config) {
	seen := map[string]bool{}
	for i, service := range cfg.Services {
		path := fmt.Sprintf("%s[%d]", servicesKey, i)
		audience := join(path, "audience")
		l.locate(path, "audience", "scopes")
		l.problems.add(audience, checkAudience(service.Audience))
		switch {
		case service.Audience == cfg.Issuer+apiPath:
			l.problems.add(audience, &fault{"is the audience of the management API", "remove the service: Cambio adds that one itself"})
		case seen[service.Audience]:
			// RFC 9068 §5: one audience must not name two services.
			l.problems.add(audience, &fault{"is the audience of another service too", "give each service an audience of its own"})
		default:
			seen[service.Audience] = true
		}
		l.validateScopes(join(path, "scopes"), service.Scopes)
		if service.Alg != "" && !slices.Contains(algorithms(), service.Alg) {
			l.problems.add(join(path, "alg"), &fault{"is not one of the known values", "write one of " + strings.Join(algorithms(), ", ")})
		}
	}
}

// locate lets problems with keys that are missing below path stand where path
// stands.
func (l *loader) locate(path string, names ...string) {
	for _, key := range under(path, names...) {
		if _, known := l.problems.where[key]; !known {
			l.problems.where[key] = l.problems.where[path]
		}
	}
}

func (l *loader) validateScopes(path string, scopes Scopes) {
	if !scopes.Any && len(scopes.Grants) == 0 {
		l.problems.add(path, &fault{"names no scope", `write "*", or each scope with the list of who is granted it`})
	}
	for _, scope := range slices.Sorted(maps.Keys(scopes.Grants)) {
		key := join(path, printableKey(scope))
		if !scopeToken.MatchString(scope) {
			l.problems.add(key, badScope())
		}
		if isReservedScope(scope) {
			l.problems.add(key, &fault{"is a scope of Cambio's own", "name it otherwise; idn:, sp:, cambio:, openid, profile and credentials are taken"})
		}
	}
}

var (
	// scopeToken is RFC 6749 §3.3.
	scopeToken = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]{1,255}$`)
	plainName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$`)
)

func badScope() *fault {
	return &fault{"is or has a scope that cannot be one", `use up to 255 printable characters without space, " and \`}
}

func allScopes(scopes []string) bool {
	return !slices.ContainsFunc(scopes, func(s string) bool { return !scopeToken.MatchString(s) })
}

func isReservedScope(scope string) bool {
	for _, prefix := range []string{"idn:", "sp:", "cambio:"} {
		if strings.HasPrefix(scope, prefix) {
			return true
		}
	}
	return slices.Contains([]string{"openid", "profile", "credentials"}, scope)
}

// checkAudience accepts a plain name or an absolute URI without fragment (RFC
// 8707 §2).
func checkAudience(audience string) *fault {
	f := &fault{"is neither a plain name nor an absolute URI without fragment", "write such as https://api.example.com"}
	if audience == "" {
		return &fault{causeMissing, "write such as audience: https://api.example.com"}
	}
	if plainName.MatchString(audience) {
		return nil
	}
	u, err := url.Parse(audience)
	if err != nil || !u.IsAbs() || strings.Contains(audience, "#") || !isURIText(audience) {
		return f
	}
	if u.User != nil {
		return &fault{"has a user or password in it", "remove it"}
	}
	if u.Host == "" && u.Opaque == "" && u.Path == "" {
		return f
	}
	return nil
}

// isURIText reports whether all characters may stand in a URI (RFC 3986 §2).
func isURIText(text string) bool {
	return len(text) <= 2048 && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r)
	})
}

// checkPattern holds claim patterns to the one special character there is, so
// that no reader of the file takes another one for a wildcard.
func checkPattern(pattern string) *fault {
	if pattern == "" || len(pattern) > 256 || strings.ContainsAny(pattern, `?[]{}\`) {
		return &fault{"is no pattern", `write up to 256 characters, in which only * is special, without ? [ ] { } \`}
	}
	return nil
}
