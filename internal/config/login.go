package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Login is how people log in to the web console, by OpenID Connect.
type Login struct {
	// Issuer is the provider's, byte for byte; empty: nobody logs in by one.
	Issuer string `yaml:"issuer"`
	// ClientID is what the provider knows the console by.
	ClientID string `yaml:"clientId"`
	// ClientSecretFile holds the secret of the client; empty is a public client.
	ClientSecretFile string `yaml:"clientSecretFile"`
	// Scopes are asked for; openid is among them.
	Scopes []string `yaml:"scopes"`
	// Claim must equal an identity's externalId at the first login.
	Claim string `yaml:"claim"`
	// GroupsClaim tells the groups of who logs in; empty leaves groups alone.
	GroupsClaim string `yaml:"groupsClaim"`
	// Groups maps values of GroupsClaim to names of groups; never nil. Empty: they are
	// the names.
	Groups map[string]string `yaml:"groups"`
	// CreateUnknown makes an identity, without roles, of who has none.
	CreateUnknown bool `yaml:"createUnknown"`
	// Organization is the name of the one that people log in to first.
	Organization string `yaml:"organization"`
}

// Enabled reports whether people log in by a provider.
func (l *Login) Enabled() bool { return l.Issuer != "" }

// Console rules the sessions of the web console.
type Console struct {
	// Idle is how long a session lives without a request.
	Idle time.Duration `yaml:"idle"`
	// Lifetime is how long it lives at all.
	Lifetime time.Duration `yaml:"lifetime"`
}

func loginSettings() []setting {
	return []setting{
		{path: "login.issuer", kind: kindText, example: "https://idp.example.com", meaning: "Issuer of the OpenID provider that people log in to the web console with, byte for byte as its discovery document says; https, or http on a loopback host. Without it nobody logs in by a provider."},
		{path: "login.clientId", kind: kindText, example: "cambio", meaning: "Client id that the provider gave the console. Its redirect URI is `<issuer>/console/login/callback`."},
		{path: "login.clientSecretFile", kind: kindPath, example: "/run/secrets/idp", meaning: "File with the client's secret. Without it the console is a public client, which proves itself by PKCE alone."},
		{path: "login.scopes", kind: kindList, def: "openid,profile,email", meaning: "Scopes that are asked for; openid must be among them."},
		{path: "login.claim", kind: kindText, def: "sub", meaning: "Claim that must equal the externalId of an identity at its first login, which then keeps the provider's issuer and subject. Use one that the provider never gives to anybody else; not an e-mail address or a name."},
		{path: "login.groupsClaim", kind: kindText, example: "groups", meaning: "Claim with the groups of who logs in, a list of texts or one text. Each login then sets memberships. Without it a login changes none."},
		{path: "login.groups", kind: kindPairs, example: `{ "cambio-clerks": order-clerks }`, meaning: "Map from values of groupsClaim to names of groups: a login adds and removes these memberships and no others. Without it the values are the names themselves, and the provider decides about every group but Nobody, Everyone and Administrators."},
		{path: "login.createUnknown", kind: kindBoolean, def: "false", meaning: "Whether somebody whom no identity matches becomes a new one, without roles. Otherwise they are refused."},
		{path: "login.organization", kind: kindText, def: "default", meaning: "Name of the organization whose identities are matched, and created, at a first login."},
		{path: "console.idle", kind: kindDuration, def: "30m", min: int64(time.Minute), max: int64(7 * 24 * time.Hour), meaning: "How long a session of the web console lives without a request."},
		{path: "console.lifetime", kind: kindDuration, def: "12h", min: int64(time.Minute), max: int64(30 * 24 * time.Hour), meaning: "How long a session lives at most; then one logs in again."},
	}
}

func (l *loader) validateLogin(login *Login) {
	if !login.Enabled() {
		l.validateNoLogin(login)
		return
	}
	l.problems.add("login.issuer", checkLoginIssuer(login.Issuer))
	if login.ClientID == "" {
		l.problems.add("login.clientId", &fault{"is missing beside login.issuer", "write the client id that the provider gave, or remove login.issuer"})
	}
	if login.ClientSecretFile != "" {
		l.problems.add("login.clientSecretFile", checkFile(login.ClientSecretFile))
	}
	if !allScopes(login.Scopes) {
		l.problems.add("login.scopes", badScope())
	}
	if !slices.Contains(login.Scopes, "openid") {
		l.problems.add("login.scopes", &fault{"lacks openid", "add it: without it the provider tells nobody's identity"})
	}
	if strings.TrimSpace(login.Claim) == "" {
		l.problems.add("login.claim", &fault{"names no claim", "write sub, or remove the key"})
	}
	if name := login.Organization; strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxName {
		l.problems.add("login.organization", &fault{"is no name of an organization", "write default, or remove the key"})
	}
	if len(login.Groups) > 0 && login.GroupsClaim == "" {
		l.problems.add("login.groups", &fault{"is of no use without login.groupsClaim", "name the claim whose values it maps, or remove it"})
	}
	for _, group := range login.Groups {
		if slices.Contains([]string{"Nobody", "Everyone", "Administrators"}, group) {
			l.problems.add("login.groups", &fault{"names a group that is not the login's to give", "remove Nobody, Everyone and Administrators; give roles to a group of your own"})
		}
	}
}

// validateNoLogin refuses the rest of a login that has no provider: whoever wrote it
// believes that it counts.
func (l *loader) validateNoLogin(login *Login) {
	for _, rest := range []struct {
		key string
		set bool
	}{
		{"login.clientId", login.ClientID != ""},
		{"login.clientSecretFile", login.ClientSecretFile != ""},
		{"login.groupsClaim", login.GroupsClaim != ""},
		{"login.groups", len(login.Groups) > 0},
		{"login.createUnknown", login.CreateUnknown},
	} {
		if rest.set {
			l.problems.add(rest.key, &fault{"is set without login.issuer", "write the issuer of the provider, or remove the key"})
		}
	}
}

// checkLoginIssuer accepts what an OpenID provider may call itself (OpenID Connect
// Discovery 1.0 §3), to be compared byte by byte.
func checkLoginIssuer(issuer string) *fault {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || !isURIText(issuer) || u.Opaque != "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return &fault{"is not an https URL", "write it as the provider's discovery document does, such as https://idp.example.com"}
	case u.User != nil || strings.ContainsAny(issuer, "?#"):
		return &fault{"has a query, fragment, user or password", "write it as the provider's discovery document does"}
	case u.Scheme == "http" && !isLoopbackHost(u.Hostname()):
		return &fault{"is plain http", "write https; http is for localhost, 127.0.0.1 and [::1]"}
	}
	return nil
}

// parsePairs reads a map from a variable or flag.
func parsePairs(text string) (any, *fault) {
	pairs := map[string]string{}
	for _, item := range splitList(text) {
		from, to, ok := strings.Cut(item, "=")
		if !ok || strings.Contains(to, "=") {
			return nil, &fault{"has an entry that is not FROM=TO", "write FROM=TO, or set the map in the file, where either side may have = and commas"}
		}
		if f := addPair(pairs, strings.TrimSpace(from), strings.TrimSpace(to)); f != nil {
			return nil, f
		}
	}
	return pairs, nil
}

// pairsOf reads a map from texts to texts.
func pairsOf(node *yaml.Node) (any, *fault) {
	if node.Kind != yaml.MappingNode {
		return nil, &fault{"is not a map", "write it as { from: to }"}
	}
	pairs := map[string]string{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		from, to := node.Content[i], node.Content[i+1]
		for _, side := range []*yaml.Node{from, to} {
			if side.Kind != yaml.ScalarNode || side.Tag != "!!str" {
				return nil, &fault{"has an entry that is not text", "quote what looks like a number"}
			}
		}
		if f := addPair(pairs, from.Value, to.Value); f != nil {
			return nil, f
		}
	}
	return pairs, nil
}

func addPair(pairs map[string]string, from, to string) *fault {
	if f := checkPrintable(from + to); f != nil {
		return f
	}
	if from == "" || to == "" {
		return &fault{"has an entry with an empty side", "write both"}
	}
	if _, twice := pairs[from]; twice {
		return &fault{"has the same entry twice", "remove one"}
	}
	pairs[from] = to
	return nil
}
