package config

import (
	"maps"
	"net/netip"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// httpCredentials is the kind of any service that answers with JSON.
func httpCredentials() credentialKind {
	return credentialKind{
		name: "http", audience: true,
		settings: []setting{
			{path: "url", kind: kindText, meaning: "Where the JWT is posted to, as Bearer token. https; http only if each address it stands for is in allowedNetworks. No user, password or fragment; redirects are not followed."},
			{path: "allowedNetworks", kind: kindNetworks, meaning: "Networks that may be called though they are loopback, private, link-local or otherwise not public. No other such address is, whatever a name resolves to."},
			{path: "members", kind: kindPairs, meaning: "Map from names of members of the token answer to fields of the service's, by their path: `{ vault_token: auth.client_token }`. Texts, numbers and truth values are taken, as text."},
			{path: "expiryField", kind: kindText, meaning: "Field with the time at which they end: RFC 3339, or seconds since 1970. Without it they are taken to end with the JWT."},
			{path: "handleField", kind: kindText, meaning: "Field with what they are called in public: in the audit trail and to revoke them. Never a secret."},
			{path: "revokeUrl", kind: kindText, meaning: "Where `{\"handle\": …}` is posted to, with the JWT they were issued for, when their token has ended before they do. Needs handleField."},
		},
		read: func(l *loader, path string, node *yaml.Node, into *Credential) {
			into.HTTP = l.readHTTPCredentials(path, node)
		},
		has: func(c *Credential) bool { return c.HTTP != nil },
		validate: func(l *loader, path string, c *Credential) {
			l.validateHTTPCredentials(path, c.HTTP)
		},
	}
}

func (l *loader) readHTTPCredentials(path string, node *yaml.Node) *CredentialHTTP {
	c := &CredentialHTTP{}
	l.eachKey(path, node, under(path, "url", "allowedNetworks", "members", "expiryField", "handleField", "revokeUrl"), func(key string, value *yaml.Node) {
		switch lastPart(key) {
		case "url":
			c.URL = l.text(key, value)
		case "allowedNetworks":
			c.AllowedNetworks = l.networks(key, value)
		case "members":
			c.Members = l.pairs(key, value)
		case "expiryField":
			c.ExpiryField = l.text(key, value)
		case "handleField":
			c.HandleField = l.text(key, value)
		case "revokeUrl":
			c.RevokeURL = l.text(key, value)
		default:
		}
	})
	return c
}

// fieldPath is the path of a field in a JSON document.
var fieldPath = regexp.MustCompile(`^[^.\s]{1,100}(\.[^.\s]{1,100}){0,9}$`)

func (l *loader) validateHTTPCredentials(path string, c *CredentialHTTP) {
	l.locate(path, "url", "members", "handleField")
	l.problems.add(join(path, "url"), checkProviderURL(c.URL, c.AllowedNetworks))
	if c.RevokeURL != "" {
		l.problems.add(join(path, "revokeUrl"), checkProviderURL(c.RevokeURL, c.AllowedNetworks))
		if c.HandleField == "" {
			l.problems.add(join(path, "handleField"), &fault{"is missing beside revokeUrl", "name the field of the answer that says what is to be revoked"})
		}
	}
	if len(c.Members) == 0 {
		l.problems.add(join(path, "members"), &fault{causeMissing, "write such as members: { vault_token: token }"})
	}
	bad := &fault{"is not the path of a field", "write names with dots between them, such as auth.client_token"}
	for _, name := range slices.Sorted(maps.Keys(c.Members)) {
		if !credentialMember.MatchString(name) {
			l.problems.add(join(path, "members"), &fault{"has a name that cannot be one", "use lower-case letters, digits and underscores, a letter first"})
		}
		if !fieldPath.MatchString(c.Members[name]) {
			l.problems.add(join(path, "members"), bad)
		}
	}
	for key, field := range map[string]string{"expiryField": c.ExpiryField, "handleField": c.HandleField} {
		if field != "" && !fieldPath.MatchString(field) {
			l.problems.add(join(path, key), bad)
		}
	}
	if slices.ContainsFunc(c.AllowedNetworks, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		l.problems.add(join(path, "allowedNetworks"), &fault{"allows every address", "name the network of the service"})
	}
}

func checkProviderURL(of string, allowed []netip.Prefix) *fault {
	f := checkWebhookURL(&Webhook{URL: of, AllowedNetworks: allowed})
	switch {
	case f == nil:
		return nil
	case f.cause == causeMissing:
		return &fault{causeMissing, "write such as url: https://vault.example.com/issue"}
	case f.cause == causeUserInURL:
		return &fault{causeUserInURL, "remove it: the service knows who calls by the JWT"}
	default:
		return f
	}
}
