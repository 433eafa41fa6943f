package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a role made is never dropped with it, and never becomes the property of a role
// that is powerful: a function may run as its owner.
func TestOwner(t *testing.T) {
	w := newWorld(t)
	w.admin(`CREATE ROLE app NOLOGIN; CREATE SCHEMA work; GRANT CREATE, USAGE ON SCHEMA work TO app`)
	for _, block := range documented(t) {
		if block == "GRANT app TO cambio WITH ADMIN OPTION;\n" {
			w.admin(block)
		}
	}
	made := func(p *Provider, name string) map[string]string {
		with := issue(t, p, grant(time.Minute))
		_, err := w.psql(t, with, "CREATE TABLE work."+name+" (n int); INSERT INTO work."+name+" VALUES (5);"+
			"CREATE FUNCTION work.f_"+name+"() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text'; GRANT SELECT ON work."+name+" TO reader")
		require.NoError(t, err)
		return with
	}
	grants := func(c *Config) { c.Roles = []string{"app"} }
	to := func(role string) func(*Config) { return func(c *Config) { c.OwnedTo = role } }
	owner := func(name string) string {
		return w.admin("SELECT relowner::regrole FROM pg_class WHERE relname = " + literal(name))
	}

	keeps := w.provider(t, grants)
	with := made(keeps, "kept")
	require.ErrorIs(t, keeps.Revoke(t.Context(), with["db_username"]), errOwns)
	_, err := w.psql(t, with, "SELECT 1")
	require.ErrorContains(t, err, "authentication failed")
	require.Equal(t, with["db_username"], owner("kept"))
	for _, powerful := range []string{"cambio", "postgres", "gone", "pg_database_owner"} {
		require.ErrorContains(t, w.provider(t, grants, to(powerful)).Revoke(t.Context(), with["db_username"]), "too powerful", powerful)
	}
	require.NoError(t, w.provider(t, grants, to("app")).Revoke(t.Context(), with["db_username"]), "once it is configured")
	require.Equal(t, "app", owner("kept"))
	require.Equal(t, "5|app", w.admin("SELECT n, work.f_kept() FROM work.kept"))

	w.MustQuery("postgres", "CREATE SCHEMA work; GRANT CREATE, USAGE ON SCHEMA work TO app")
	with = issue(t, keeps, grant(time.Minute))
	with["db_database"] = "postgres"
	_, err = w.psql(t, with, "CREATE TABLE work.away (n int)")
	require.NoError(t, err)
	require.ErrorIs(t, w.provider(t, grants, to("app")).Revoke(t.Context(), with["db_username"]), errAway)
	_, err = w.psql(t, with, "SELECT 1")
	require.ErrorContains(t, err, "authentication failed")

	// Sessions that begin as the role that stays leave nothing behind.
	settled := w.provider(t, grants, func(c *Config) { c.Settings = map[string]string{"role": "app"} })
	with = made(settled, "mine")
	require.Equal(t, "app", owner("mine"))
	require.NoError(t, settled.Revoke(t.Context(), with["db_username"]))
}
