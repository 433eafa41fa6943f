package postgres

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/testenv"
)

// operatorPassword is what the documentation has for the role that Cambio logs in as.
const operatorPassword = "change me"

// world is a server with a database as the documentation has it made.
type world struct {
	*testenv.PostgresServer
}

const schema = `
CREATE SCHEMA shop; CREATE TABLE shop.orders (n int); INSERT INTO shop.orders VALUES (7);
CREATE SCHEMA payroll; CREATE TABLE payroll.salaries (n int); INSERT INTO payroll.salaries VALUES (1);
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
`

func newWorld(t *testing.T, settings ...string) *world {
	t.Helper()
	t.Parallel() // much of it is waiting
	w := &world{testenv.Postgres(t, settings...)}
	w.MustQuery("postgres", "CREATE DATABASE warehouse")
	w.admin(schema)
	major := w.Major()
	for _, block := range documented(t) {
		newer, older := strings.Contains(block, "WITH ADMIN TRUE"), strings.Contains(block, "CREATE ROLE cambio") && !strings.Contains(block, "WITH ADMIN TRUE")
		if newer && major < 16 || older && major >= 16 || strings.Contains(block, "GRANT app") || strings.HasPrefix(block, "SELECT") {
			continue
		}
		w.admin(block)
	}
	return w
}

// documented is the SQL of the page for whoever runs the database.
func documented(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/integrations/postgresql.md")
	require.NoError(t, err)
	var out []string
	for _, block := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllSubmatch(page, -1) {
		out = append(out, string(block[1]))
	}
	require.Len(t, out, 5)
	return out
}

// admin runs SQL as the superuser.
func (w *world) admin(sql string) string { return w.MustQuery("warehouse", sql) }

// server is what a provider of the world connects to.
func (w *world) server() Server {
	return Server{
		Host: "127.0.0.1", Port: w.Port(), Database: "warehouse", User: "cambio", Unencrypted: true,
		Password: operator,
	}
}

func operator() (secret.Text, error) { return secret.New(operatorPassword), nil }

// provider makes one that grants reader.
func (w *world) provider(t *testing.T, change ...func(*Config)) *Provider {
	t.Helper()
	config := Config{Server: w.server(), Issuer: "https://sts.example.com", Name: "warehouse", Roles: []string{"reader"}, Now: time.Now}
	for _, c := range change {
		c(&config)
	}
	p, err := New(config)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// grant is for a token that lives for a while.
func grant(life time.Duration) *credentials.Grant {
	now := time.Now()
	return &credentials.Grant{
		Holder: credentials.Holder{PAT: "0123456789abcdef0123456789abcdef", Generation: 3}, Now: now, Expiry: now.Add(life).Truncate(time.Second),
		Claims: &credentials.Claims{
			Subject: "s", Owner: "0a", Username: "anna", Organization: "0b", PAT: "0c", Level: "personal", Groups: []string{"Everyone", "db-writer", "db-other"},
		},
	}
}

// issue issues and returns the members.
func issue(t *testing.T, p *Provider, g *credentials.Grant) map[string]string {
	t.Helper()
	issued, err := p.Issue(t.Context(), g)
	require.NoError(t, err)
	out := map[string]string{}
	for i := range issued.Members {
		out[issued.Members[i].Name] = issued.Members[i].Value.Reveal()
	}
	require.Equal(t, issued.Handle, out["db_username"])
	require.Equal(t, g.Expiry, issued.Expiry)
	return out
}

// psql runs SQL with nothing but the members.
func (w *world) psql(t *testing.T, with map[string]string, sql string) (string, error) {
	t.Helper()
	return w.Psql([]string{
		"PGHOST=" + with["db_host"], "PGPORT=" + with["db_port"], "PGDATABASE=" + with["db_database"], "PGUSER=" + with["db_username"], "PGPASSWORD=" + with["db_password"],
	}, sql)
}

// roles counts what was issued and is there.
func (w *world) roles() string {
	return w.admin(`SELECT count(*) FROM pg_roles WHERE rolname LIKE 'cambio\_%'`)
}

// requireRefused holds that the server refuses a statement for want of a right.
func (w *world) requireRefused(t *testing.T, with map[string]string, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		_, err := w.psql(t, with, sql)
		require.Error(t, err, sql)
		require.Regexp(t, "permission denied|must be|must have|not permitted|only roles", err.Error(), sql)
	}
}

// sweeper revokes what has expired or whose token is not alive.
func sweeper(t *testing.T, p *Provider, alive bool) *credentials.Issuer {
	t.Helper()
	issuer, err := credentials.New(credentials.Config{
		Providers: []credentials.Registered{{Name: "warehouse", Provider: p}}, Audit: nowhere{}, Now: time.Now, Alive: always(alive),
	})
	require.NoError(t, err)
	return issuer
}

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }
