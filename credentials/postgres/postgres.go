package postgres

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/secret"
)

const (
	defaultPort = 5432
	// defaultConns bounds the connections of one process to the server.
	defaultConns = 4
	// defaultLimit bounds the sessions of one role at a time.
	defaultLimit = 10
)

// Config is what a Provider needs; all of it but what has a default.
type Config struct {
	Server Server
	// Issuer and Name mark the roles that are made: those of another issuer, or of another
	// provider, are never touched.
	Issuer, Name string
	// Roles are granted, each a template; one that is a list gives a role an item. At
	// least one. The owner for whom they give none is refused.
	Roles []string
	// Settings are parameters that sessions begin with, each a template.
	Settings map[string]string
	// ConnectionLimit bounds the sessions of one role at a time; 0: 10.
	ConnectionLimit int
	// OwnedTo is the role that owns from then on what a role made that ends. Empty:
	// such a role stays, and cannot log in.
	OwnedTo string
	// PublicHost and PublicPort are where clients find the server; zero: as Server has it.
	PublicHost string
	PublicPort int
	Now        func() time.Time
	Logger     *zap.Logger // nil: silent
}

// Provider issues login roles of one PostgreSQL database. It is safe to share.
type Provider struct {
	Config

	pool     *pgxpool.Pool
	roles    []credentials.Template
	settings []setting

	mu      sync.Mutex
	pending map[string]promise // by role
}

// setting is a parameter of the sessions of a role.
type setting struct {
	name  string
	value credentials.Template
}

var _ credentials.Lister = (*Provider)(nil)

// New returns a Provider. It connects to nobody.
func New(config Config) (*Provider, error) {
	if config.Now == nil || config.Issuer == "" || config.Name == "" || len(config.Roles) == 0 {
		return nil, errors.New("clock, issuer, name and roles are needed")
	}
	if config.ConnectionLimit < 0 || strings.ContainsRune(config.OwnedTo+config.Issuer+config.Name, 0) || len(config.OwnedTo) > maxName {
		return nil, errors.New("a limit or a name is none")
	}
	if config.Logger == nil {
		config.Logger = zap.NewNop()
	}
	config.ConnectionLimit = or(config.ConnectionLimit, defaultLimit)
	config.Server.Port = or(config.Server.Port, defaultPort)
	config.PublicHost, config.PublicPort = or(config.PublicHost, config.Server.Host), or(config.PublicPort, config.Server.Port)
	p := &Provider{Config: config, pending: map[string]promise{}}
	if err := p.parse(); err != nil {
		return nil, err
	}
	var err error
	p.pool, err = config.Server.open()
	return p, err
}

// parse reads the templates.
func (p *Provider) parse() error {
	for _, text := range p.Roles {
		role, err := credentials.ParseTemplate(text)
		if err != nil {
			return fmt.Errorf("roles: %q: %w", text, err)
		}
		if text == "" || strings.HasPrefix(text, "pg_") || strings.ContainsRune(text, 0) {
			return fmt.Errorf("roles: %q is none that can be granted: grant it to a role of yours, and name that", text)
		}
		p.roles = append(p.roles, role)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Settings)) {
		if err := checkSetting(name); err != nil {
			return fmt.Errorf("settings: %q %w", name, err)
		}
		value, err := credentials.ParseTemplate(p.Settings[name])
		if err == nil && strings.ContainsRune(p.Settings[name], 0) {
			err = errors.New("it has a NUL")
		}
		if err != nil {
			return fmt.Errorf("settings: %q: %w", name, err)
		}
		p.settings = append(p.settings, setting{name, value})
	}
	return nil
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// Close closes the connections. Nothing may be called after it.
func (p *Provider) Close() { p.pool.Close() }

// Members implements credentials.Provider.
func (*Provider) Members() []string {
	return []string{"db_platform", "db_host", "db_port", "db_database", "db_username", "db_password", "db_expires_at"}
}

func (p *Provider) members(role, password string, expiry time.Time) []credentials.Member {
	values := []string{
		"postgres", p.PublicHost, strconv.Itoa(p.PublicPort), p.Server.Database, role, password, expiry.UTC().Format(time.RFC3339),
	}
	out := make([]credentials.Member, len(values))
	for i, name := range p.Members() {
		out[i] = credentials.Member{Name: name, Value: secret.New(values[i])}
	}
	return out
}
