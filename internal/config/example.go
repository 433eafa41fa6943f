package config

import "strings"

// lineWidth is where the example's comments wrap.
const lineWidth = 96

// Example returns the commented configuration that `cambio init` writes: the
// required keys with a value each, every other key commented out with its
// default, or with an example where there is none.
func Example() string {
	var b strings.Builder
	comment(&b, "", "Configuration of cambio serve. Every key can also be set by the environment variable and the flag beside it, except services, webhooks, credentials and forwardAuth; flag > variable > file > default. Paths are relative to this file. Unknown keys refuse to start.")
	section := ""
	for _, s := range settings() {
		name, _, nested := strings.Cut(s.path, delimiter)
		if nested && name != section {
			section = name
			if name == "policy" {
				b.WriteString(exampleServices)
				b.WriteString(exampleWebhooks)
				b.WriteString(exampleProviders)
				b.WriteString(exampleForwardAuth)
				b.WriteString("\n# What a new organization starts with.")
			}
			b.WriteString("\n" + name + ":\n")
		}
		if !nested {
			b.WriteString("\n")
		}
		s.writeExample(&b)
	}
	return b.String()
}

func (s setting) writeExample(b *strings.Builder) {
	indent := ""
	if strings.Contains(s.path, delimiter) {
		indent = "  "
	}
	comment(b, indent, strings.ReplaceAll(s.meaning, "`", ""))
	if len(s.oneOf) > 0 {
		comment(b, indent, "One of "+strings.Join(s.oneOf, ", ")+".")
	}
	comment(b, indent, s.env()+", --"+s.flag())
	mark := "#"
	if s.required {
		mark = ""
	}
	b.WriteString(indent + mark + lastPart(s.path) + ": " + s.yamlExample() + "\n")
}

// yamlExample returns a value as it would stand in the file: the default, or
// the example where there is none.
func (s setting) yamlExample() string {
	switch {
	case s.def == "":
		return s.example
	case s.kind.isList():
		return "[" + s.def + "]"
	default:
		return s.def
	}
}

// comment writes text as wrapped comment lines.
func comment(b *strings.Builder, indent, text string) {
	line := indent + "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > lineWidth {
			b.WriteString(line + "\n")
			line = indent + "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

const exampleServices = `
# The services that tokens are minted for. Without any, the management API is the only audience.
services: []
#services:
#  - audience: https://api.example.com # the aud of its tokens
#    name: Orders
#    scopes: # "*" takes any application scope
#      "orders:read": [Everyone]
#      "orders:write": [order-clerks]
#    organizations: [default] # whose tokens may be for it; without it any organization's, by groups of its own
#    maxLifetimeSeconds: 3600
#    alg: ES256
#    claims: # what its tokens tell about the owner; nothing without this
#      groups: { match: "order-*", max: 20 }
#      email: true
`

const exampleProviders = `
# What an exchange returns beside the JWT where the scope credentials is asked for.
credentials: []
#credentials:
#  - name: vault
#    audience: https://vault.example.com # of the JWT that it is shown
#    claims: { policy: "{{groups:vault-*}}" } # further claims of that JWT
#    groups: [deployers] # who gets them; without it everyone whose token has the scope
#    http:
#      url: https://vault.example.com/issue
#      members: { vault_token: auth.client_token } # of the token answer, from fields of the service's
#      expiryField: auth.expires_at
#  - name: store
#    audience: https://minio.example.com
#    claims: { policy: "{{groups:s3-*}}" } # the names of MinIO's policies
#    s3:
#      endpoint: https://minio.example.com # without it AWS
#      lifetime: server # MinIO ends keys with the JWT; without it by how long the access token lives
#  - name: warehouse
#    groups: [analysts]
#    postgres:
#      host: db.example.com
#      database: warehouse
#      user: cambio # CREATEROLE, no superuser
#      passwordFile: /run/secrets/warehouse
#      roles: [reader]
`

const exampleForwardAuth = `
# What requests of reverse proxies to /forward-auth are for that name no audience in their query.
forwardAuth:
  routes: []
#  routes:
#    - host: shop.example.com # of the original request; without it any
#      path: /orders # it and what lies below; without it all
#      audience: https://api.example.com
#      scope: ["orders:read"] # without it all that the token holds
`

const exampleWebhooks = `
# Receivers of events: what changes, and tokens that are about to expire.
webhooks: []
#webhooks:
#  - url: https://hooks.example.com/cambio
#    secretFile: /run/secrets/webhook # whsec_<base64 of 24 to 64 bytes>, one a line, newest first
#    events: ["PERSONAL_ACCESS_TOKEN_*"] # without it every change and warning
#    organization: 0123456789abcdef0123456789abcdef # without it all
#    allowedNetworks: [10.1.2.0/24] # private addresses it may stand for
`
