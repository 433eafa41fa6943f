package config

import (
	"net/netip"
	"time"
)

// Config is the configuration of `cambio serve`, merged and checked. Every path
// in it is absolute. Load makes it; it is read-only afterwards.
type Config struct {
	// Issuer is the `iss` of every token, byte for byte (RFC 8414 §2).
	Issuer string `yaml:"issuer"`
	// Catalogues are files with the texts of errors in further languages.
	Catalogues []string `yaml:"catalogues"`
	// Listen says where the servers listen.
	Listen Listen `yaml:"listen"`
	// Store says where the data is kept.
	Store Store `yaml:"store"`
	// MasterKey says where the master key is.
	MasterKey MasterKey `yaml:"masterKey"`
	// Keys rules the signing keys.
	Keys Keys `yaml:"keys"`
	// Token rules personal access tokens and the tokens minted from them.
	Token Token `yaml:"token"`
	// Services are the downstream audiences, unique by audience; never nil.
	Services []Service `yaml:"services"`
	// Webhooks are the receivers of events; never nil.
	Webhooks []Webhook `yaml:"webhooks"`
	// Credentials are the providers of what the scope credentials stands for; never nil.
	Credentials []Credential `yaml:"credentials"`
	// ForwardAuth rules the door for reverse proxies.
	ForwardAuth ForwardAuth `yaml:"forwardAuth"`
	// Login is how people log in to the web console; off without an issuer.
	Login Login `yaml:"login"`
	// Console rules the sessions of the web console.
	Console Console `yaml:"console"`
	// Policy is what a new organization starts with.
	Policy Policy `yaml:"policy"`
	// Audit rules the local audit files.
	Audit Audit `yaml:"audit"`
	// Limits bounds what clients may use.
	Limits Limits `yaml:"limits"`
	// Log rules the server's log.
	Log Log `yaml:"log"`
	// Telemetry rules metrics and traces.
	Telemetry Telemetry `yaml:"telemetry"`
}

// Listen says where the servers listen.
type Listen struct {
	// Addr is host:port of the public listener; an empty host is every
	// interface, port 0 a free port.
	Addr string `yaml:"addr"`
	// TLSCert and TLSKey are PEM files; both or neither is set.
	TLSCert string `yaml:"tlsCert"`
	// TLSKey is the private key of TLSCert.
	TLSKey string `yaml:"tlsKey"`
	// AdminAddr is host:port of the admin listener; empty opens none.
	AdminAddr string `yaml:"adminAddr"`
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix `yaml:"trustedProxies"`
}

// TLS reports whether the public listener serves https.
func (l Listen) TLS() bool { return l.TLSCert != "" }

// Durability says what evidence a security write waits for.
type Durability string

// The durability modes.
const (
	// DurabilityVerified checks the store's settings at start and every minute
	// and refuses to serve on ones that can lose a revocation.
	DurabilityVerified Durability = "verified"
	// DurabilityDeclared takes the operator's word, for managed stores that hide
	// their settings.
	DurabilityDeclared Durability = "declared"
	// DurabilityBestEffort accepts that an acknowledged write may be lost.
	DurabilityBestEffort Durability = "best-effort"
)

// Confirm says what a security write waits for, besides its count of replicas.
type Confirm string

// The kinds of evidence.
const (
	ConfirmMemory Confirm = "memory" // servers have it
	ConfirmDisk   Confirm = "disk"   // and their append-only files on disk
)

// Store says where the data is kept.
type Store struct {
	// URL names the store.
	URL StoreURL `yaml:"url"`
	// PasswordFile holds the password of a Redis store; empty is none.
	PasswordFile string `yaml:"passwordFile"`
	// SentinelPasswordFile holds the password of the sentinels; empty is none.
	SentinelPasswordFile string `yaml:"sentinelPasswordFile"`
	// CAFile holds the authorities that sign the servers' certificates; empty is
	// the system's.
	CAFile string `yaml:"caFile"`
	// Durability is one of the modes above.
	Durability Durability `yaml:"durability"`
	// Replicas is the configured number of confirmations, nil for the default
	// of the kind of store; use Confirmations.
	Replicas *int `yaml:"replicas"`
	// Confirm is one of the kinds above; an embedded store is always on disk.
	Confirm Confirm `yaml:"confirm"`
}

// Confirmations returns how many replicas must confirm a security write: the
// configured number, else 1 for Sentinel and Cluster and 0 for the others.
func (s Store) Confirmations() int {
	switch {
	case s.Replicas != nil:
		return *s.Replicas
	case s.URL.Kind == KindSentinel, s.URL.Kind == KindCluster:
		return 1
	default:
		return 0
	}
}

// MasterKey says where the master key is.
type MasterKey struct {
	// File holds lines of <version>:<base64 of 32 bytes>; the first seals, all open.
	File string `yaml:"file"`
}

// Keys rules the signing keys.
type Keys struct {
	// Alg is the JWS algorithm: ES256, RS256, EdDSA or ES384.
	Alg string `yaml:"alg"`
	// RotateEvery is how long one key signs.
	RotateEvery time.Duration `yaml:"rotateEvery"`
	// JWKSMaxAge is the Cache-Control max-age of the key set.
	JWKSMaxAge time.Duration `yaml:"jwksMaxAge"`
}

// Subject says which property of an identity is the `sub` of a token.
type Subject string

// The properties that can be the `sub`.
const (
	// SubjectID is the identity's id.
	SubjectID Subject = "id"
	// SubjectExternalID is the identity's externalId.
	SubjectExternalID Subject = "externalId"
	// SubjectUsername is the identity's username.
	SubjectUsername Subject = "username"
)

// Token rules personal access tokens and the tokens minted from them.
type Token struct {
	// Prefixes are accepted in tokens; the first one mints. Never empty.
	Prefixes []string `yaml:"prefixes"`
	// DefaultAudience is taken when a request names none; empty is none.
	DefaultAudience string `yaml:"defaultAudience"`
	// Subject says what `sub` is.
	Subject Subject `yaml:"subject"`
}

// Policy is what a new organization starts with.
type Policy struct {
	// DefaultLifetimeSeconds is given to a token without expiry; nil is never.
	DefaultLifetimeSeconds *int64 `yaml:"defaultLifetimeSeconds"`
	// MaxLifetimeSeconds bounds a token's life; 0 is no bound.
	MaxLifetimeSeconds int64 `yaml:"maxLifetimeSeconds"`
	// AllowNeverExpire permits tokens without expiry.
	AllowNeverExpire bool `yaml:"allowNeverExpire"`
	// RequireNeverExpireAcknowledgement wants them acknowledged.
	RequireNeverExpireAcknowledgement bool `yaml:"requireNeverExpireAcknowledgement"`
	// EnforceOnExisting caps existing tokens at created + MaxLifetimeSeconds.
	EnforceOnExisting bool `yaml:"enforceOnExisting"`
	// MaxTokensPerOwner bounds the usable tokens of one owner.
	MaxTokensPerOwner int64 `yaml:"maxTokensPerOwner"`
	// DefaultScopes are given to a token created without scope. Never empty.
	DefaultScopes []string `yaml:"defaultScopes"`
	// DefaultAccessTokenSeconds is the life of a minted token, 15 to 43200.
	DefaultAccessTokenSeconds int64 `yaml:"defaultAccessTokenSeconds"`
	// MaxAccessTokenSeconds bounds it, 15 to 43200.
	MaxAccessTokenSeconds int64 `yaml:"maxAccessTokenSeconds"`
	// LogonInactivityDays without a login make an identity inactive; 0 is off.
	LogonInactivityDays int64 `yaml:"logonInactivityDays"`
	// UnusedRevokeDays without use revoke a token; 0 is off.
	UnusedRevokeDays int64 `yaml:"unusedRevokeDays"`
	// AllowedNetworks are where tokens may be used from; empty is anywhere.
	AllowedNetworks []netip.Prefix `yaml:"allowedNetworks"`
}

// Audit rules the local audit files.
type Audit struct {
	// Dir is the folder of the files.
	Dir string `yaml:"dir"`
	// Retention is how long a rotated file is kept.
	Retention time.Duration `yaml:"retention"`
}

// Limits bounds what clients may use.
type Limits struct {
	// MaxConnections bounds the open connections of the public listener.
	MaxConnections int `yaml:"maxConnections"`
	// RequestsPer10s bounds the requests in 10 s per token and API version.
	RequestsPer10s int `yaml:"requestsPer10s"`
}

// Log rules the server's log.
type Log struct {
	// Level is the least level written: debug, info, warn or error.
	Level string `yaml:"level"`
	// Requests says which requests have a line: all, errors or none.
	Requests string `yaml:"requests"`
}

// Telemetry rules metrics and traces.
type Telemetry struct {
	// Metrics says whether the admin listener serves them.
	Metrics bool `yaml:"metrics"`
	// TracesEndpoint is the URL that traces are sent to, OTLP over HTTP; empty makes none.
	TracesEndpoint string `yaml:"tracesEndpoint"`
	// TracesRatio is the part of the requests that are traced, from 0 to 1.
	TracesRatio float64 `yaml:"tracesRatio"`
}
