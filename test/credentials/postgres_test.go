package credentials_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const operatorPassword = "operator-canary"

// database is a server whose roles are issued.
type database struct {
	*testenv.PostgresServer

	passwordFile string
}

func newDatabase(t *testing.T) *database {
	t.Helper()
	d := &database{PostgresServer: testenv.Postgres(t, "log_statement=all"), passwordFile: filepath.Join(t.TempDir(), "password")}
	require.NoError(t, os.WriteFile(d.passwordFile, []byte(operatorPassword+"\n"), 0o600))
	d.MustQuery("postgres", `CREATE TABLE orders (n int); INSERT INTO orders VALUES (7); CREATE TABLE salaries (n int);
CREATE ROLE reader NOLOGIN; GRANT SELECT ON orders TO reader; CREATE ROLE cambio LOGIN CREATEROLE PASSWORD '`+operatorPassword+`'`)
	if d.Major() >= 16 {
		d.MustQuery("postgres", "GRANT reader TO cambio WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
	}
	return d
}

// entry is the database in a configuration.
func (d *database) entry() string {
	return fmt.Sprintf(`  - name: warehouse
    postgres: { host: 127.0.0.1, port: %d, database: postgres, user: cambio, passwordFile: %q, sslmode: disable, roles: [reader] }
`, d.Port(), d.passwordFile)
}

// psql runs SQL with what an exchange answered, and nothing else.
func (d *database) psql(t *testing.T, answer map[string]any, sql string) (string, error) {
	t.Helper()
	env := []string{}
	for variable, member := range map[string]string{
		"PGHOST": "db_host", "PGPORT": "db_port", "PGDATABASE": "db_database", "PGUSER": "db_username", "PGPASSWORD": "db_password",
	} {
		env = append(env, variable+"="+text(t, answer, member))
	}
	return d.Psql(env, sql)
}

// roles counts those that were issued and are there.
func (d *database) roles() string {
	return d.MustQuery("postgres", `SELECT count(*) FROM pg_roles WHERE rolname LIKE 'cambio\_%'`)
}

// One exchange, and psql works; once the token is revoked it does not.
func TestPostgres(t *testing.T) {
	d := newDatabase(t)
	w := newWorld(t, d.entry())
	token := w.token(t, "ci", "sp:scopes:all", "credentials")
	status, answer := w.exchange(t, token, "orders:read credentials")
	require.Equal(t, http.StatusOK, status, "%v", answer)
	require.Equal(t, "postgres", text(t, answer, "db_platform"))
	expiry, err := time.Parse(time.RFC3339, text(t, answer, "db_expires_at"))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(5*time.Minute), expiry, 10*time.Second)
	got, err := d.psql(t, answer, "SELECT n FROM orders")
	require.NoError(t, err)
	require.Equal(t, "7", got)
	_, err = d.psql(t, answer, "SELECT n FROM salaries")
	require.ErrorContains(t, err, "permission denied")
	status, again := w.exchange(t, token, "credentials")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, answer["db_password"], again["db_password"], "the same set")

	role := text(t, answer, "db_username")
	testenv.Wait(t, 10*time.Second, func() bool { return strings.Contains(w.trail(t), `"subject":"warehouse/`+role+`"`) })
	w.revoke(t, token)
	testenv.Wait(t, 20*time.Second, func() bool { return d.roles() == "0" })
	_, err = d.psql(t, answer, "SELECT 1")
	require.ErrorContains(t, err, "authentication failed")
	testenv.Wait(t, 10*time.Second, func() bool { return strings.Contains(w.trail(t), `"CREDENTIALS_REVOKED"`) })
	w.requireNowhere(t, text(t, answer, "db_password"), text(t, answer, "access_token"))
	w.requireNowhere(t, operatorPassword)
	require.NotContains(t, d.Log(), text(t, answer, "db_password"))
}

// However many exchanges there are at once, one role is made.
func TestPostgresOneRole(t *testing.T) {
	d := newDatabase(t)
	w := newWorld(t, d.entry())
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if status, answer := w.exchange(t, w.alice.PAT.Token, "credentials"); status != http.StatusOK {
				t.Errorf("%d %v", status, answer)
			}
		})
	}
	all.Wait()
	require.Equal(t, "1", d.roles())
}

// Where the database is away nothing is issued, neither by it nor beside it.
func TestPostgresDown(t *testing.T) {
	d, v := newDatabase(t), newVault(t)
	w := newWorld(t, d.entry()+v.entry("vault", "v_"))
	d.Stop()
	status, answer := w.exchange(t, w.alice.PAT.Token, "orders:read credentials")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, map[string]any{"error": "temporarily_unavailable", "error_description": "try again later"}, answer)
	require.Len(t, v.ended(), len(v.asked()))
	status, _ = w.exchange(t, w.alice.PAT.Token, "orders:read")
	require.Equal(t, http.StatusOK, status)
	d.Start()
	require.Equal(t, "0", d.roles())

	v.answer(http.StatusInternalServerError)
	status, _ = w.exchange(t, w.alice.PAT.Token, "credentials")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "0", d.roles(), "what was made is revoked before the answer")
	v.answer(http.StatusOK)
	status, answer = w.exchange(t, w.alice.PAT.Token, "credentials")
	require.Equal(t, http.StatusOK, status, "%v", answer)
	_, err := d.psql(t, answer, "SELECT n FROM orders")
	require.NoError(t, err)
	w.requireNowhere(t, operatorPassword)
}

// A server that is killed between the making of a role and its answer leaves none, once the
// background work of the next has come round. A role that was answered lives on, and ends with its
// token.
func TestPostgresKilled(t *testing.T) {
	d := newDatabase(t)
	holding := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or nobody notices that the client goes
		<-r.Context().Done()
	}))
	t.Cleanup(holding.Close)
	w := newWorld(t, d.entry()+fmt.Sprintf(`  - name: holding
    audience: https://holding.example.com
    groups: [holding]
    http: { url: %q, allowedNetworks: [127.0.0.0/8], members: { held: a } }
`, holding.URL))
	token := w.token(t, "ci", "credentials")
	status, answer := w.exchange(t, token, "credentials")
	require.Equal(t, http.StatusOK, status, "%v", answer)
	testenv.Wait(t, 20*time.Second, func() bool {
		return d.MustQuery("postgres", `SELECT count(*) FROM pg_roles WHERE rolname LIKE 'cambio\_%' AND rolvaliduntil > now() + '31 s'`) == "1"
	})
	require.NoError(t, os.WriteFile(w.ConfigFile, []byte(strings.Replace(read(t, w.ConfigFile), "    groups: [holding]\n", "", 1)), 0o600))
	w.Restart()
	times := 3
	if testenv.Full() {
		times = 100
	}
	for range times {
		w.killBeforeAnswer(t, d)
	}
	_, err := d.psql(t, answer, "SELECT n FROM orders")
	require.NoError(t, err)
	testenv.Wait(t, 2*time.Minute, func() bool { return d.roles() == "1" })
	_, err = d.psql(t, answer, "SELECT n FROM orders")
	require.NoError(t, err, "this one was answered")
	w.revoke(t, token)
	testenv.Wait(t, time.Minute, func() bool { return d.roles() == "0" })
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// killBeforeAnswer has a role made, kills the server as soon as it is there, and starts
// it again.
func (w *world) killBeforeAnswer(t *testing.T, d *database) {
	t.Helper()
	made := func() string { return d.MustQuery("postgres", "SELECT coalesce(max(oid), 0) FROM pg_authid") } // of the newest role
	form := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {w.alice.PAT.Token},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:pat"}, "scope": {"credentials"},
	}
	before := made()
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		if got, err := w.client.PostForm(w.URL+"/oauth2/token", form); err == nil {
			_ = got.Body.Close()
			t.Errorf("answered %d", got.StatusCode)
		}
	}()
	testenv.Wait(t, 20*time.Second, func() bool { return made() != before })
	w.Kill()
	<-asked
	w.Restart()
}
