package config

import (
	"fmt"
	"strings"
)

const referenceIntro = `# Configuration

<!-- Written by go generate ./internal/config; change internal/config/table.go instead. -->

` + "`cambio serve --config cambio.yaml`" + ` reads one YAML file. Every key but ` + "`services`, `webhooks`, `credentials` and `forwardAuth.routes`" + ` can also be set by an
environment variable and a flag; **flag > environment > file > default**. Lists are comma-separated there, maps are
` + "`FROM=TO,FROM=TO`" + `, and the flag of either may be repeated. A key without a value is a key not written.

The server refuses to start, with every problem at once and a fix for each, on: an unknown key or ` + "`CAMBIO_…`" + `
variable, a key written twice, a value of the wrong type or out of bounds, a file that is not there. Secrets are
never values: they are in files that the ` + "`…File`" + ` keys name, and a password inside ` + "`store.url`" + ` is refused. YAML
anchors and aliases are not read.

Relative paths in the file and of defaults start at the folder of the file, those in variables and flags at the
working directory. Durations are numbers with units, such as ` + "`720h`" + ` or ` + "`1h30m`" + `.
`

const referenceEnv = `
## Other variables

%s are read by the client commands and ` + "`--config`" + `; the server ignores them. So it does with the variables that Kubernetes sets beside a
Service whose name begins with ` + "`cambio`" + ` (` + "`CAMBIO_SERVICE_HOST`, `CAMBIO_PORT=tcp://…`" + `). Any other ` + "`CAMBIO_…`" + `
variable refuses to start.
`

const referenceCredentials = `
Exactly one of the kinds (` + "`http`, `s3`, `postgres`" + `) is written, as a map with the keys that stand behind its name. They are for requests to the token
endpoint that name the scope ` + "`credentials`" + `. Templates name claims of the owner in double braces: see [credentials](credentials.md).
`

const referenceRoutes = `
They are for the requests of reverse proxies to ` + "`/forward-auth`" + ` that name no audience in their query. Host and path of the original
request are read from X-Forwarded-Host and X-Forwarded-Uri, X-Original-URI, X-Original-URL, or what follows ` + "`/forward-auth/`" + `, from
peers in ` + "`listen.trustedProxies`" + ` only; all that are sent must have the same route. A request without a route is refused with
403. Without any routes every request is for ` + "`token.defaultAudience`" + `. Recipes: [nginx](integrations/nginx.md), [Traefik](integrations/traefik.md),
[Caddy](integrations/caddy.md), [Envoy](integrations/envoy.md).
`

// Reference returns docs/configuration.md: every key with its variable, flag,
// type, default and meaning, then the example file.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceIntro)
	b.WriteString("\n## Keys\n")
	section := "-"
	for _, s := range settings() {
		name, _, nested := strings.Cut(s.path, delimiter)
		if !nested {
			name = ""
		}
		if name != section {
			section = name
			if name != "" {
				fmt.Fprintf(&b, "\n### %s\n", name)
			}
			b.WriteString("\n| Key | Variable, flag | Type | Default | Meaning |\n|---|---|---|---|---|\n")
		}
		fmt.Fprintf(&b, "| `%s` | `%s`<br>`--%s` | %s | %s | %s |\n", s.path, s.env(), s.flag(), s.describeType(), s.describeDefault(), s.meaning)
	}
	writeList(&b, servicesKey, "service", serviceSettings())
	writeList(&b, webhooksKey, "webhook", webhookSettings())
	writeList(&b, credentialsKey, "provider", credentialSettings())
	b.WriteString(referenceCredentials)
	writeList(&b, routesKey, "route", routeSettings())
	b.WriteString(referenceRoutes)
	fmt.Fprintf(&b, referenceEnv, "`"+strings.Join(reservedEnv(), "`, `")+"`")
	b.WriteString("\n## Example\n\n`cambio init` writes this file.\n\n```yaml\n" + Example() + "```\n")
	return b.String()
}

// writeList describes a key that is a list of maps.
func writeList(b *strings.Builder, key, one string, settings []setting) {
	fmt.Fprintf(b, "\n### %s\n\nA list in the file, with these keys for each %s:\n\n| Key | Type | Meaning |\n|---|---|---|\n", key, one)
	for _, s := range settings {
		kind := s.describeType()
		switch s.path {
		case "scopes", "claims":
			kind = "map"
		}
		meaning := s.meaning
		if s.required {
			meaning = "Required. " + meaning
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", s.path, kind, meaning)
	}
}

func (s setting) describeType() string {
	text := s.kind.name()
	switch {
	case len(s.oneOf) > 0:
		return "`" + strings.Join(s.oneOf, "`, `") + "`"
	case s.kind == kindInteger && s.min != s.max:
		text += fmt.Sprintf(", %d to %d", s.min, s.max)
	case s.kind == kindDuration && s.min == 1:
		text += ", up to " + shortDuration(s.max)
	case s.kind == kindDuration:
		text += fmt.Sprintf(", %s to %s", shortDuration(s.min), shortDuration(s.max))
	default:
	}
	if s.unit != "" {
		text += " (" + s.unit + ")"
	}
	return text
}

func (s setting) describeDefault() string {
	switch {
	case s.required:
		return "required, such as `" + s.example + "`"
	case s.def == "" && s.kind.isList():
		return "`[]`"
	case s.def == "" && s.kind == kindPairs:
		return "`{}`"
	case s.def == "":
		return "none"
	default:
		return "`" + s.yamlExample() + "`"
	}
}
