package config

import (
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// CredentialPostgres is a PostgreSQL database in which login roles are made.
type CredentialPostgres struct {
	// Host is a name, an address, or the folder of a Unix socket.
	Host string `yaml:"host"`
	// Port is 5432 if it is 0.
	Port int64 `yaml:"port,omitempty"`
	// Database is the only one that what a role makes can be given away in.
	Database string `yaml:"database"`
	// User may create roles, and is no superuser.
	User string `yaml:"user"`
	// PasswordFile holds its password.
	PasswordFile string `yaml:"passwordFile"`
	// SSLMode is verify-full if it is empty, or disable.
	SSLMode string `yaml:"sslmode,omitempty"`
	// CAFile signs the certificate of the server; empty: the system's do.
	CAFile string `yaml:"caFile,omitempty"`
	// MaxConnections bounds those of this process; 0 is 4.
	MaxConnections int64 `yaml:"maxConnections,omitempty"`
	// Roles are granted, each a template.
	Roles []string `yaml:"roles"`
	// Settings are what sessions begin with, each a template.
	Settings map[string]string `yaml:"settings,omitempty"`
	// ConnectionLimit bounds the sessions of a role; 0 is 10.
	ConnectionLimit int64 `yaml:"connectionLimit,omitempty"`
	// OwnedTo gets what a role made that ends.
	OwnedTo string `yaml:"ownedTo,omitempty"`
	// PublicHost and PublicPort are where clients find the server; empty: as Host and Port.
	PublicHost string `yaml:"publicHost,omitempty"`
	PublicPort int64  `yaml:"publicPort,omitempty"`
}

const (
	maxPort = 65535
	// maxRoleName is how long a name of PostgreSQL is at most, in bytes.
	maxRoleName     = 63
	maxPoolSize     = 100
	maxRoleSessions = 10_000
	sslModeFull     = "verify-full"
	sslModeDisable  = "disable"
)

// postgresCredentials is the kind of a login role of PostgreSQL.
func postgresCredentials() credentialKind {
	return credentialKind{
		name: "postgres",
		settings: []setting{
			{path: "host", kind: kindText, meaning: "Name or address of the server, or the folder of its Unix socket."},
			{path: "port", kind: kindInteger, min: 1, max: maxPort, unit: "port", meaning: "Its port. Without it 5432."},
			{path: "database", kind: kindText, meaning: "The database that roles are for, and that Cambio connects to."},
			{path: "user", kind: kindText, meaning: "Who Cambio logs in as: a role with CREATEROLE that is no superuser."},
			{path: "passwordFile", kind: kindPath, meaning: "File with its password, read anew for each connection."},
			{path: "sslmode", kind: kindText, oneOf: []string{sslModeFull, sslModeDisable}, meaning: "`verify-full`, the default, checks the certificate and its name; `disable` does without TLS. A Unix socket has none."},
			{path: "caFile", kind: kindPath, meaning: "PEM file of the certificate authorities that sign the certificate of the server. Without it the system's."},
			{path: "maxConnections", kind: kindInteger, min: 1, max: maxPoolSize, unit: "connections", meaning: "Connections of this process at most. Without it 4."},
			{path: "roles", kind: kindList, meaning: "Roles that are granted, each a name or a template; `{{groups:db-*}}` by itself is one role for each such group. At least one. Never one that is powerful: see [PostgreSQL](integrations/postgresql.md)."},
			{path: "settings", kind: kindPairs, meaning: "Parameters of the server that sessions begin with, such as `{ statement_timeout: 60s }`; values are templates."},
			{path: "connectionLimit", kind: kindInteger, min: 1, max: maxRoleSessions, unit: "sessions", meaning: "Sessions of one role at a time. Without it 10."},
			{path: "ownedTo", kind: kindText, meaning: "Role that owns from then on what a role made that ends. Without it such a role stays, without login."},
			{path: "publicHost", kind: kindText, meaning: "Host that clients are told, where it is another than host."},
			{path: "publicPort", kind: kindInteger, min: 1, max: maxPort, unit: "port", meaning: "Port that clients are told, where it is another than port."},
		},
		read: func(l *loader, path string, node *yaml.Node, into *Credential) {
			into.Postgres = l.readPostgresCredentials(path, node)
		},
		has: func(c *Credential) bool { return c.Postgres != nil },
		validate: func(l *loader, path string, c *Credential) {
			l.validatePostgresCredentials(path, c.Postgres)
		},
	}
}

func (l *loader) readPostgresCredentials(path string, node *yaml.Node) *CredentialPostgres {
	c := &CredentialPostgres{}
	texts := map[string]*string{
		"host": &c.Host, "database": &c.Database, "user": &c.User, "sslmode": &c.SSLMode, "ownedTo": &c.OwnedTo, "publicHost": &c.PublicHost,
	}
	files := map[string]*string{"passwordFile": &c.PasswordFile, "caFile": &c.CAFile}
	numbers := map[string]*int64{
		"port": &c.Port, "maxConnections": &c.MaxConnections, "connectionLimit": &c.ConnectionLimit, "publicPort": &c.PublicPort,
	}
	var names []string
	limits := map[string]setting{}
	for _, s := range postgresCredentials().settings {
		names, limits[s.path] = append(names, s.path), s
	}
	l.eachKey(path, node, under(path, names...), func(key string, value *yaml.Node) {
		name := lastPart(key)
		switch {
		case texts[name] != nil:
			*texts[name] = l.text(key, value)
		case files[name] != nil:
			*files[name] = absolute(l.fileDir, l.text(key, value))
		case numbers[name] != nil:
			*numbers[name] = l.number(key, value, limits[name].min, limits[name].max)
		case name == "roles":
			c.Roles = l.texts(key, value, kindList)
		case name == "settings":
			c.Settings = l.pairs(key, value)
		}
	})
	return c
}

func (l *loader) validatePostgresCredentials(path string, c *CredentialPostgres) {
	required := map[string]string{
		"host": "write such as host: db.example.com", "database": "name the database that roles are for", "user": "name the role that Cambio logs in as",
	}
	l.locate(path, "host", "database", "user", "passwordFile", "roles")
	for key, text := range map[string]string{"host": c.Host, "database": c.Database, "user": c.User, "ownedTo": c.OwnedTo} {
		switch {
		case text == "" && required[key] != "":
			l.problems.add(join(path, key), &fault{causeMissing, required[key]})
		case key != "host" && len(text) > maxRoleName:
			l.problems.add(join(path, key), &fault{"is longer than a name of PostgreSQL", "write at most 63 bytes"})
		}
	}
	if strings.ContainsAny(c.Host, ", ") || strings.HasPrefix(c.Host, ".") {
		l.problems.add(join(path, "host"), &fault{"is not the name of one server", "write its name or address, or the full path of the folder of its socket"})
	}
	if c.PasswordFile == "" {
		l.problems.add(join(path, "passwordFile"), &fault{causeMissing, "name the file with the password of user"})
	} else {
		l.problems.add(join(path, "passwordFile"), checkFile(c.PasswordFile))
	}
	if c.CAFile != "" {
		l.problems.add(join(path, "caFile"), checkFile(c.CAFile))
	}
	if !slices.Contains([]string{"", sslModeFull, sslModeDisable}, c.SSLMode) {
		l.problems.add(join(path, "sslmode"), &fault{"is not one of the known values", "write " + sslModeFull + " or " + sslModeDisable})
	}
	if len(c.Roles) == 0 {
		l.problems.add(join(path, "roles"), &fault{causeMissing, "write such as roles: [reader]"})
	}
	if filepath.IsAbs(c.Host) && c.PublicHost == "" {
		l.problems.add(join(path, "publicHost"), &fault{"is missing beside a Unix socket", "write the name or address by which clients find the server"})
	}
}
