package postgres

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/testenv"
)

// nowhere records nothing.
type nowhere struct{}

func (nowhere) Record(audit.Event) error { return nil }

func always(alive bool) func(context.Context, credentials.Holder) (bool, error) {
	return func(context.Context, credentials.Holder) (bool, error) { return alive, nil }
}

// What is issued is a login role that may do what reader may, and nothing else.
func TestIssue(t *testing.T) {
	w := newWorld(t)
	w.admin(`CREATE ROLE writer NOLOGIN; CREATE ROLE "db-writer" NOLOGIN; GRANT writer TO "db-writer"`)
	w.grantable("db-writer")
	p := w.provider(t, func(c *Config) {
		c.Roles, c.ConnectionLimit = []string{"reader", "{{groups:*-writer}}", "reader"}, 7
		c.Settings = map[string]string{"statement_timeout": "1234ms", "search_path": "shop, public", "application_name": "{{username}}@x"}
	})
	require.NoError(t, p.Ping(t.Context()))
	g := grant(5 * time.Minute)
	with := issue(t, p, g)
	require.Equal(t, "postgres", with["db_platform"])
	require.Equal(t, g.Expiry.UTC().Format(time.RFC3339), with["db_expires_at"])
	require.Regexp(t, "^cambio_[a-z2-7]{26}$", with["db_username"])

	got, err := w.psql(t, with, "SELECT n, current_user, current_setting('statement_timeout'), current_setting('search_path'), current_setting('application_name') FROM orders")
	require.NoError(t, err)
	require.Equal(t, "7|"+with["db_username"]+"|1234ms|shop, public|psql", got)
	role := literal(with["db_username"])
	require.Equal(t, "f|t|f|f|f|f|7", w.admin("SELECT rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit FROM pg_roles WHERE rolname = "+role))
	require.Equal(t, "db-writer|f\nreader|f", w.admin("SELECT r.rolname, bool_or(m.admin_option) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE m.member = "+role+"::regrole GROUP BY 1 ORDER BY 1"))
	w.requireRefused(t, with,
		"TABLE payroll.salaries", "INSERT INTO shop.orders VALUES (1)", "CREATE TABLE public.t (n int)", "CREATE SCHEMA s", "CREATE DATABASE d",
		"CREATE ROLE other", "ALTER ROLE CURRENT_USER CREATEROLE", "ALTER ROLE CURRENT_USER VALID UNTIL 'infinity'", "ALTER ROLE cambio PASSWORD 'x'", "SET ROLE cambio",
		"SET ROLE postgres", "COMMENT ON ROLE "+identifier(with["db_username"])+" IS 'x'", "SELECT pg_read_file('PG_VERSION')", "COPY (SELECT 1) TO PROGRAM 'true'", "TABLE pg_authid",
	)
	require.Equal(t, "1", w.roles())
}

// What keeps Cambio from making or granting a role is told before anybody asks for one.
func TestPing(t *testing.T) {
	w := newWorld(t)
	mends := func(p *Provider, problem string) {
		t.Helper()
		var lacks *RightsError
		require.ErrorAs(t, p.Ping(t.Context()), &lacks)
		require.Contains(t, lacks.Problem, problem)
		w.admin(lacks.SQL)
		require.NoError(t, p.Ping(t.Context()))
	}
	p := w.provider(t, func(c *Config) { c.Roles = []string{"reader", `od"d`, "{{groups:db-*}}"} })
	mends(p, `no role "od\"d"`)
	w.admin("ALTER ROLE cambio NOCREATEROLE")
	mends(p, "CREATEROLE")
	w.admin("ALTER ROLE cambio SUPERUSER")
	mends(p, "superuser")
	if w.Major() >= adminSince {
		w.admin("REVOKE reader FROM cambio")
		mends(p, `may not grant "reader"`)
	}
	w.admin("GRANT pg_signal_backend TO reader")
	var lacks *RightsError
	require.ErrorAs(t, p.Ping(t.Context()), &lacks)
	require.Contains(t, lacks.Problem, "too powerful")
	require.Empty(t, lacks.SQL)
	wrong := w.provider(t, func(c *Config) {
		c.Server.Password = func() (secret.Text, error) { return secret.New("wrong"), nil }
	})
	require.ErrorIs(t, wrong.Ping(t.Context()), ErrLogin)
}

// grantable lets Cambio grant a role, as the documentation says for each version.
func (w *world) grantable(role string) {
	if w.Major() >= 16 {
		w.admin("GRANT " + identifier(role) + " TO cambio WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
	}
}

// A role that is revoked is gone, with its sessions; nobody else's is touched.
func TestRevoke(t *testing.T) {
	w := newWorld(t)
	p, other := w.provider(t), w.provider(t, func(c *Config) { c.Name = "other" })
	with, kept := issue(t, p, grant(time.Minute)), issue(t, other, grant(time.Minute))
	ended := make(chan error, 1)
	go func() {
		_, err := w.psql(t, with, "SELECT pg_sleep(60)")
		ended <- err
	}()
	testenv.Wait(t, 10*time.Second, func() bool {
		return w.admin("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND usename = "+literal(with["db_username"])) == "1"
	})
	require.NoError(t, p.Revoke(t.Context(), with["db_username"]))
	require.ErrorContains(t, <-ended, "terminating connection")
	_, err := w.psql(t, with, "SELECT 1")
	require.ErrorContains(t, err, "password authentication failed")
	require.Equal(t, "1", w.roles())
	require.NoError(t, p.Revoke(t.Context(), with["db_username"]), "it is gone already")

	w.admin("CREATE ROLE cambio_lookalike LOGIN PASSWORD 'x'")
	for _, foreign := range []string{kept["db_username"], "cambio_lookalike", "reader", "cambio", "postgres"} {
		require.ErrorIs(t, p.Revoke(t.Context(), foreign), errForeign, foreign)
	}
	w.admin("COMMENT ON ROLE reader IS " + literal(w.admin(sprintf("SELECT shobj_description(%s::regrole, 'pg_authid')", literal(issue(t, p, grant(time.Minute))["db_username"])))))
	require.ErrorIs(t, p.Revoke(t.Context(), "reader"), errForeign, "the comment is not enough")
	_, err = w.psql(t, kept, "SELECT 1")
	require.NoError(t, err)
}

// The server itself refuses a role that has expired; the round that follows drops it.
func TestExpiry(t *testing.T) {
	w := newWorld(t)
	p := w.provider(t)
	g := grant(3 * time.Second)
	with := issue(t, p, g)
	_, err := w.psql(t, with, "SELECT 1")
	require.NoError(t, err)
	found, err := p.List(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.WithinDuration(t, g.Expiry, found[0].Expiry, 500*time.Millisecond)
	found[0].Expiry = time.Time{}
	require.Equal(t, credentials.Outstanding{Handle: with["db_username"], Holder: g.Holder, Owner: "0a", Organization: "0b"}, found[0])

	testenv.Wait(t, 10*time.Second, func() bool { _, err := w.psql(t, with, "SELECT 1"); return err != nil })
	require.False(t, time.Now().Before(g.Expiry), "it ends with its JWT, not before")
	require.NoError(t, sweeper(t, p, true).Sweep(t.Context()))
	require.Equal(t, "0", w.roles())
}

// A role lasts half a minute until the answer with it has left, and then until its expiry,
// whether the process goes on or ends in order.
func TestConfirmed(t *testing.T) {
	w := newWorld(t)
	p := w.provider(t)
	left := func(role string) string {
		return w.admin("SELECT rolvaliduntil - now() > '31 s', rolvaliduntil - now() > '290 s' FROM pg_roles WHERE rolname = " + literal(role))
	}
	first := issue(t, p, grant(5*time.Minute))["db_username"]
	gone := issue(t, p, grant(5*time.Minute))["db_username"]
	require.Equal(t, "f|f", left(first))
	require.NoError(t, w.provider(t).Revoke(t.Context(), gone), "by another process")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	testenv.Wait(t, 15*time.Second, func() bool { return left(first) == "t|t" })
	testenv.Wait(t, 15*time.Second, func() bool { return len(p.due(true)) == 0 })
	second := issue(t, p, grant(5*time.Minute))["db_username"]
	cancel()
	require.NoError(t, <-done)
	require.Equal(t, "t|t", left(second))
}

// Two processes revoke the same roles at one time, while roles are issued.
func TestReplicas(t *testing.T) {
	w := newWorld(t)
	one, two := w.provider(t), w.provider(t)
	for range 15 {
		issue(t, one, grant(time.Minute))
	}
	first, second := sweeper(t, one, false), sweeper(t, two, false)
	var both sync.WaitGroup
	for _, issuer := range []*credentials.Issuer{first, second} {
		both.Go(func() {
			if err := issuer.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	var kept map[string]string
	foreign := w.provider(t, func(c *Config) { c.Issuer = "https://other.example.com" })
	both.Go(func() { kept = issue(t, foreign, grant(time.Minute)) })
	both.Wait()
	require.Equal(t, "1", w.roles())
	_, err := w.psql(t, kept, "SELECT n FROM shop.orders")
	require.NoError(t, err, "that of another installation")
}

// The clear password reaches neither the server nor its log, whatever it logs.
func TestNoPasswordInLog(t *testing.T) {
	w := newWorld(t, "log_statement=all", "log_connections=on", "log_disconnections=on", "log_min_messages=debug1", "log_parameter_max_length=-1")
	p := w.provider(t)
	with := issue(t, p, grant(time.Minute))
	_, err := w.psql(t, with, "SELECT 1")
	require.NoError(t, err)
	require.NoError(t, p.Revoke(t.Context(), with["db_username"]))
	w.Stop()
	require.Contains(t, w.Log(), "CREATE ROLE \""+with["db_username"]+"\"", "statements are logged")
	require.Contains(t, w.Log(), "SCRAM-SHA-256$4096:")
	require.NotContains(t, w.Log(), with["db_password"])
}
