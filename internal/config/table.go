package config

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// kind says how the text of a value is read.
type kind int

const (
	kindText kind = iota
	kindPath
	kindStoreURL
	kindInteger
	kindBoolean
	kindDuration
	kindList
	kindNetworks
	kindPaths
	kindPairs
	kindRatio
)

// isList reports whether values are sequences in the file and comma-separated
// elsewhere.
func (k kind) isList() bool { return k == kindList || k == kindNetworks || k == kindPaths }

// many reports whether a value has items, of which there may be none.
func (k kind) many() bool { return k.isList() || k == kindPairs }

// name is what the reference calls the type.
func (k kind) name() string {
	return [...]string{"text", "path", "URL", "whole number", "true or false", "duration", "list", "list of networks", "list of paths", "map", "number from 0 to 1"}[k]
}

// setting is one row of the table: a key with one value.
type setting struct {
	path     string // dotted, as in the file
	kind     kind
	required bool
	def      string   // as text; empty is none
	example  string   // as YAML; empty shows the default
	unit     string   // of a whole number
	oneOf    []string // the only values of a text
	min, max int64    // of a number or duration (ns); equal is unbounded
	meaning  string
}

// env returns the key's environment variable.
func (s setting) env() string {
	return envPrefix + strings.ToUpper(strings.Join(words(s.path), "_"))
}

// flag returns the key's flag, without dashes.
func (s setting) flag() string { return strings.ToLower(strings.Join(words(s.path), "-")) }

// words splits listen.tlsCert into listen, tls, Cert.
func words(path string) []string {
	var out []string
	start := 0
	runes := []rune(path)
	for i, r := range runes {
		switch {
		case r == '.':
			out = append(out, string(runes[start:i]))
			start = i + 1
		case i > start && unicode.IsLower(runes[i-1]) && (unicode.IsUpper(r) || unicode.IsDigit(r)):
			out = append(out, string(runes[start:i]))
			start = i
		}
	}
	return append(out, string(runes[start:]))
}

// Bounds of a minted token's life, in seconds.
const (
	minAccessTokenSeconds = 15
	maxAccessTokenSeconds = 43200
)

const (
	maxLifetimeSeconds = 100 * 365 * 24 * 3600
	maxDays            = 3650
)

// algorithms are the signing algorithms; `none` and HMAC are none of them (RFC
// 9068 §2.1).
func algorithms() []string { return []string{"ES256", "RS256", "EdDSA", "ES384"} }

// settings is the table of every key outside of services, webhooks, credentials and routes, in the file's order.
func settings() []setting {
	return slices.Concat(serverSettings(), loginSettings(), ruleSettings())
}

func serverSettings() []setting {
	return []setting{
		{path: "issuer", kind: kindText, required: true, example: "https://sts.example.com", meaning: "The `iss` of every token, byte for byte, and the address clients reach the server at. https, or http on a loopback host; no path, query, fragment or trailing slash."},
		{path: "catalogues", kind: kindPaths, example: "[fr.json]", meaning: "Files with the texts of errors in further languages than English and German, each a JSON object with locale and texts; `docs/catalogue.en.json` has every key. What a file lacks is told in English; an unknown key refuses to start."},
		{path: "listen.addr", kind: kindText, def: "127.0.0.1:8080", example: `":8443"`, meaning: "host:port of the public listener. An empty host is every interface, port 0 a free port. Plain http on anything but a loopback address needs trustedProxies."},
		{path: "listen.tlsCert", kind: kindPath, example: "tls.crt", meaning: "PEM file of the certificate chain. With tlsKey the public listener serves https."},
		{path: "listen.tlsKey", kind: kindPath, example: "tls.key", meaning: "PEM file of the certificate's private key."},
		{path: "listen.adminAddr", kind: kindText, def: "127.0.0.1:9090", meaning: "host:port of the admin listener (health, metrics and profiles). It asks for no credential: keep it on loopback or a closed network. Empty opens none."},
		{path: "listen.trustedProxies", kind: kindNetworks, example: "[10.0.0.0/8]", meaning: "Networks of the proxies in front, whose X-Forwarded-For is believed. Nobody else's is."},
		{path: "store.url", kind: kindStoreURL, required: true, example: "bolt:cambio.db", meaning: "Where the data is kept: `bolt:PATH` (one file, one process), `redis://host:port/db`, `redis+sentinel://h1:26379,h2:26379/0?master=name`, `redis+cluster://h1,h2`; with `rediss` for `redis` over TLS. A user may stand before the host, a password may not."},
		{path: "store.passwordFile", kind: kindPath, example: "/run/secrets/redis", meaning: "File with the Redis password, read anew for each connection."},
		{path: "store.sentinelPasswordFile", kind: kindPath, example: "/run/secrets/sentinel", meaning: "File with the password of the sentinels, if they have one."},
		{path: "store.caFile", kind: kindPath, example: "/etc/cambio/redis-ca.pem", meaning: "PEM file of the certificate authorities that sign the certificates of the Redis servers, read anew when it changes. Without it the system's."},
		{path: "store.durability", kind: kindText, def: "verified", oneOf: []string{"verified", "declared", "best-effort"}, meaning: "verified: the store's settings are checked at start and every minute, and ones that can lose a revocation refuse. declared: for managed Redis and Valkey that hide their settings. best-effort: an acknowledged write may be lost."},
		{path: "store.replicas", kind: kindInteger, max: 16, example: "1", unit: "replicas", meaning: "Replicas that must confirm a security write before it is answered. Without it: 1 for Sentinel and Cluster, 0 for the others."},
		{path: "store.confirm", kind: kindText, def: "memory", oneOf: []string{"memory", "disk"}, meaning: "What Redis has to confirm of a security write before it is answered. memory: that the server, and so many replicas, have it. disk: that it lies in their append-only files on disk (WAITAOF, Redis 7.2 or Valkey); with `appendfsync everysec` that takes up to a second."},
		{path: "masterKey.file", kind: kindPath, required: true, example: "master.key", meaning: "File with the master key: lines `<version>:<base64 of 32 bytes>`; the first seals, all open (`cambio master-key`). Readable by its owner only (mode 0600); what is root's may be readable by a group, too (0640)."},
		{path: "keys.alg", kind: kindText, def: "ES256", oneOf: algorithms(), meaning: "Algorithm of the signing keys."},
		{path: "keys.rotateEvery", kind: kindDuration, def: "720h", min: 1, max: int64(10 * 365 * 24 * time.Hour), meaning: "How long one key signs before the next takes over."},
		{path: "keys.jwksMaxAge", kind: kindDuration, def: "15m", min: int64(time.Minute), max: int64(24 * time.Hour), meaning: "How long verifiers may cache the key set. A key is published at least this long before it signs."},
		{path: "token.prefixes", kind: kindList, def: "cambio_pat", meaning: "Prefixes of personal access tokens. The first one mints, all are accepted."},
		{path: "token.defaultAudience", kind: kindText, example: "https://api.example.com", meaning: "Audience of a request that names none; one of the services. Without it such a request is refused with invalid_target."},
		{path: "token.subject", kind: kindText, def: "id", oneOf: []string{"id", "externalId", "username"}, meaning: "Which property of the owner is the `sub` of its tokens. externalId and username are unique within one organization only: with them the server refuses to start on a store with two, and to make a second one."},
	}
}

func ruleSettings() []setting {
	return []setting{
		{path: "policy.defaultLifetimeSeconds", kind: kindInteger, min: 1, max: maxLifetimeSeconds, example: "7776000", unit: "seconds", meaning: "Life of a token created without an expiry. Without it such a token never expires."},
		{path: "policy.maxLifetimeSeconds", kind: kindInteger, def: "0", max: maxLifetimeSeconds, example: "31536000", unit: "seconds", meaning: "Longest life a token may be created with; 0 is no bound."},
		{path: "policy.allowNeverExpire", kind: kindBoolean, def: "true", meaning: "Whether a token may be created that never expires."},
		{path: "policy.requireNeverExpireAcknowledgement", kind: kindBoolean, def: "false", meaning: "Whether such a token must be asked for with userAwareTokenNeverExpires."},
		{path: "policy.enforceOnExisting", kind: kindBoolean, def: "false", meaning: "Whether maxLifetimeSeconds also ends tokens that exist already, counted from their creation."},
		{path: "policy.maxTokensPerOwner", kind: kindInteger, def: "10", max: 1000, unit: "tokens", meaning: "Usable tokens one owner may have; 0 is any number."},
		{path: "policy.defaultScopes", kind: kindList, def: "sp:scopes:all", meaning: "Scopes of a token created without scope."},
		{path: "policy.defaultAccessTokenSeconds", kind: kindInteger, def: "300", min: minAccessTokenSeconds, max: maxAccessTokenSeconds, unit: "seconds", meaning: "Life of a minted token when neither the request nor the personal access token says."},
		{path: "policy.maxAccessTokenSeconds", kind: kindInteger, def: "43200", min: minAccessTokenSeconds, max: maxAccessTokenSeconds, unit: "seconds", meaning: "Longest life of a minted token."},
		{path: "policy.logonInactivityDays", kind: kindInteger, def: "0", max: maxDays, unit: "days", meaning: "Days without an interactive login after which an identity is inactive and its tokens refused; 0 is off."},
		{path: "policy.unusedRevokeDays", kind: kindInteger, def: "0", max: maxDays, unit: "days", meaning: "Days without use after which a token is revoked, looked for each hour; 0 is off."},
		{path: "policy.allowedNetworks", kind: kindNetworks, example: "[192.0.2.0/24, 2001:db8::/32]", meaning: "Networks tokens may be used from; none is anywhere."},
		{path: "audit.dir", kind: kindPath, def: "audit", meaning: "Folder of the audit files."},
		{path: "audit.retention", kind: kindDuration, def: "2160h", min: int64(time.Hour), max: int64(100 * 365 * 24 * time.Hour), meaning: "How long a rotated audit file is kept."},
		{path: "limits.maxConnections", kind: kindInteger, def: "10000", min: 1, max: 10_000_000, unit: "connections", meaning: "Open connections of the public listener; more wait."},
		{path: "limits.requestsPer10s", kind: kindInteger, def: "100", min: 1, max: 100_000_000, unit: "requests", meaning: "Requests to the management API in 10 s for each token and API version; more are answered 429."},
		{path: "log.level", kind: kindText, def: "info", oneOf: []string{"debug", "info", "warn", "error"}, meaning: "Least level that is logged."},
		{path: "log.requests", kind: kindText, def: "all", oneOf: []string{"all", "errors", "none"}, meaning: "Which requests have a line in the log. errors: those answered with a status of 400 and above. none: only faults of the server, 500 and above."},
		{path: "telemetry.metrics", kind: kindBoolean, def: "true", meaning: "Whether the admin listener serves metrics for Prometheus at /metrics."},
		{path: "telemetry.tracesEndpoint", kind: kindText, example: "http://127.0.0.1:4318/v1/traces", meaning: "URL of an OpenTelemetry collector that traces are sent to, OTLP over HTTP. Without it there are none."},
		{path: "telemetry.tracesRatio", kind: kindRatio, def: "0.01", meaning: "Part of the requests that are traced: 0.01 is one in a hundred. What a proxy of listen.trustedProxies traces is traced here too."},
	}
}

// servicesKey is a key that is no row, as webhooksKey is: a list of maps, from the file
// only.
const servicesKey = "services"

// serviceSettings are the keys of one service.
func serviceSettings() []setting {
	return []setting{
		{path: "audience", kind: kindText, required: true, meaning: "The `aud` of its tokens and the name clients ask for it by: an absolute URI without fragment, or a plain name. Unique. `<issuer>/api/v1` is the management API and taken."},
		{path: "name", kind: kindText, meaning: "What people are shown. Without it the audience."},
		{path: "scopes", kind: kindText, required: true, meaning: "`\"*\"`: any application scope, granted to everyone. Or a map from each scope to the list of roles and groups it is granted to; Everyone is a group. Each organization names its groups and chooses their members: a group here is the one of that name in the owner's own organization."},
		{path: "organizations", kind: kindList, meaning: "Names of the organizations whose tokens may be for it; for any other the service does not exist (invalid_target). An organization that is renamed loses it. Without it every organization may use it, and grants its scopes by groups of its own."},
		{path: "maxLifetimeSeconds", kind: kindInteger, min: minAccessTokenSeconds, max: maxAccessTokenSeconds, unit: "seconds", meaning: "Longest life of its tokens."},
		{path: "alg", kind: kindText, oneOf: algorithms(), meaning: "Algorithm its tokens are signed with. Without it keys.alg."},
		{path: "claims", kind: kindText, meaning: "What its tokens tell about the owner: `roles`, `groups`, `name`, `email`, each either true or `{match: PATTERN, max: NUMBER}`. In a pattern * stands for any run of characters; max is 1 to 500, 50 if not given. Nothing is told without it."},
	}
}
