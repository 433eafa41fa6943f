package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/credentials"
)

// What a claim says becomes the name of a role that is there and harmless, or refuses the owner.
func TestRefusesClaims(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("a", maxName)
	w.admin(`CREATE ROLE powerful SUPERUSER; CREATE ROLE "db-super" NOLOGIN; GRANT powerful TO "db-super";
CREATE ROLE "db-maker" CREATEROLE; CREATE ROLE "db-bypass" BYPASSRLS; CREATE ROLE "db-database" CREATEDB; CREATE ROLE "db-replica" REPLICATION;
CREATE ROLE "db-program" NOLOGIN; GRANT pg_execute_server_program TO "db-program"; CREATE ROLE "db-cambio" NOLOGIN; GRANT cambio TO "db-cambio";
CREATE ROLE "` + long + `" NOLOGIN; CREATE ROLE "db-fine" NOLOGIN`)
	w.grantable("db-fine")
	p := w.provider(t, func(c *Config) { c.Roles = []string{"{{groups:*}}"} })
	claimed := func(groups ...string) error {
		g := grant(time.Minute)
		g.Claims.Groups = groups
		_, err := p.Issue(t.Context(), g)
		return err
	}
	for _, group := range []string{
		"", "gone", "powerful", "db-super", "db-maker", "db-bypass", "db-database", "db-replica", "db-program", "db-cambio", "cambio", "postgres", "pg_read_all_data",
		long + "a", `reader"`, `reader" WITH ADMIN OPTION; --`, "reader'", "reader;", "reader\x00", "reader\n", `reader\`, "reäder", "Reader", strings.Repeat("日", 40), "a b", "$1",
	} {
		err := claimed("db-fine", group)
		var refused *credentials.ClaimError
		require.ErrorAs(t, err, &refused, "%q", group)
	}
	require.ErrorContains(t, claimed(), "gives no role")
	require.Equal(t, "0", w.roles())
	require.NoError(t, claimed("db-fine"))

	fixed := w.provider(t, func(c *Config) { c.Roles = []string{"db-super"} })
	_, err := fixed.Issue(t.Context(), grant(time.Minute))
	require.ErrorContains(t, err, "too powerful")
	var refused *credentials.ClaimError
	require.NotErrorAs(t, err, &refused, "it is the configuration that is wrong, not the owner")

	hostile := w.provider(t, func(c *Config) { c.Settings = map[string]string{"application_name": "{{username}}"} })
	g := grant(time.Minute)
	g.Claims.Username = `x'; DROP ROLE reader; --`
	_, err = hostile.Issue(t.Context(), g)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "1", w.roles())
}

func TestRefusesConfiguration(t *testing.T) {
	good := func() Config {
		return Config{
			Server: Server{Host: "h", Port: 1, Database: "d", User: "u", Password: operator}, Issuer: "i", Name: "n", Roles: []string{"r"}, Now: time.Now,
		}
	}
	p, err := New(good())
	require.NoError(t, err)
	p.Close()
	for problem, spoil := range map[string]func(*Config){
		"clock, issuer, name":         func(c *Config) { c.Roles = nil },
		"clock, issuer":               func(c *Config) { c.Issuer = "" },
		"a limit or a name":           func(c *Config) { c.ConnectionLimit = -1 },
		"names no claim":              func(c *Config) { c.Roles = []string{"{{x}}"} },
		"none that can be granted":    func(c *Config) { c.Roles = []string{"pg_write_server_files"} },
		"name of a parameter":         func(c *Config) { c.Settings = map[string]string{"a = 'b'; --": "c"} },
		"settings: \"a\": ":           func(c *Config) { c.Settings = map[string]string{"a": "{{x"} },
		"it has a NUL":                func(c *Config) { c.Settings = map[string]string{"a": "\x00"} },
		"host, port, database":        func(c *Config) { c.Server.Host = "" },
		"host, port, database, user":  func(c *Config) { c.Server.Port = 65536 },
		"port, database, user and":    func(c *Config) { c.Server.User = "" },
		"database, user and password": func(c *Config) { c.Server.Password = nil },
	} {
		config := good()
		spoil(&config)
		_, err := New(config)
		require.ErrorContains(t, err, problem)
	}
}

// Quoted text is itself to the server, whatever is in it.
func TestQuoting(t *testing.T) {
	w := newWorld(t)
	for _, text := range []string{
		"", "a", "'", "''", `\`, `\'`, `'\''; DROP ROLE reader; --`, `E'\\'`, "日本\u202e", "$$x$$", "a\nb", `"`, `""`, "a\tb", `\x27`,
	} {
		for _, standard := range []string{"on", "off"} {
			got := w.admin("SET escape_string_warning = off; SET standard_conforming_strings = " + standard + "; SELECT encode(convert_to(" + literal(text) + ", 'UTF8'), 'hex')")
			require.Equal(t, sprintf("%x", text), got)
		}
		if text != "" {
			got := w.admin("SELECT encode(convert_to(name, 'UTF8'), 'hex') FROM (SELECT 1 AS " + identifier(text) + ") AS t, LATERAL json_object_keys(row_to_json(t)) AS name")
			require.Equal(t, sprintf("%x", text), got)
		}
	}
}

// The example of RFC 7677 §3: the verifier proves who the server is as it does there.
func TestVerifier(t *testing.T) {
	got, err := verifier("pencil", []byte("[m\x99h\x9d\x125\x8e\xec\xa0K\x14\x126\xfa\x81"))
	require.NoError(t, err)
	require.Equal(t, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=", got)
}
