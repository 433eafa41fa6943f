package doctor_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"

	"github.com/cambio-sts/cambio/internal/doctor"
	"github.com/cambio-sts/cambio/internal/testenv"
)

// world is a deployment in a folder of its own, in good order, that a test breaks.
type world struct {
	t *testing.T

	dir, config string
	settings    map[string]any
	public      string // host:port of the public listener
	redis       *testenv.RedisServer
	server      *testenv.Process
	ca          *authority
	args        []string // of every run
	env         []string // of an administrator's shell
	database    *testenv.PostgresServer
	// shelf has what only the owner of a deployment has, by the file where it belongs.
	shelf map[string]func() []byte
	// secrets are texts that no report may have.
	secrets []string
}

const (
	redisPassword = "canary-redis-password-91827"
	loginSecret   = "canary-login-secret-55301"
)

// newWorld makes the parts that all deployments have; the store comes later.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), shelf: map[string]func() []byte{}, secrets: []string{redisPassword, loginSecret}}
	w.config = filepath.Join(w.dir, "cambio.yaml")
	require.NoError(t, os.Mkdir(w.path("key"), 0o700))
	var provider *httptest.Server
	provider = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/realm/.well-known/openid-configuration" {
			http.NotFound(out, r)
			return
		}
		issuer := provider.URL + "/realm"
		_ = json.NewEncoder(out).Encode(map[string]string{
			"issuer": issuer, "authorization_endpoint": issuer + "/a", "token_endpoint": issuer + "/t", "jwks_uri": issuer + "/k",
		})
	}))
	t.Cleanup(provider.Close)
	receiver := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(receiver.Close)
	hook := "whsec_" + "Y2FuYXJ5LXdlYmhvb2stc2VjcmV0LTEyMzQ1Njc4OTA="
	w.secrets = append(w.secrets, hook[6:])
	w.write("hook.secret", hook+"\n")
	w.write("login.secret", loginSecret+"\n")
	w.public = "127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))
	w.settings = map[string]any{
		"issuer":    "http://" + w.public,
		"listen":    map[string]any{"addr": w.public, "adminAddr": "127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))},
		"masterKey": map[string]any{"file": "key/master.key"},
		"audit":     map[string]any{"dir": "audit"},
		"login":     map[string]any{"issuer": provider.URL + "/realm", "clientId": "cambio", "clientSecretFile": "login.secret"},
		"webhooks":  []any{map[string]any{"url": receiver.URL + "/capability", "secretFile": "hook.secret", "allowedNetworks": []any{"127.0.0.0/8"}}},
	}
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(w.path(name), []byte(text), 0o600))
}

// prepare writes the configuration and prepares the store.
func (w *world) prepare() *world {
	w.t.Helper()
	w.save()
	testenv.Wait(w.t, 20*time.Second, func() bool { // replicas may be busy at first, and it may be repeated
		_, err := w.command("cambio init --config cambio.yaml").CombinedOutput()
		return err == nil
	})
	master, err := os.ReadFile(w.path("key/master.key"))
	require.NoError(w.t, err)
	w.shelf[w.path("key/master.key")] = func() []byte { return master }
	w.secrets = append(w.secrets, strings.TrimSpace(string(master[2:])))
	return w
}

func (w *world) save() {
	w.t.Helper()
	text, err := yaml.Marshal(w.settings)
	require.NoError(w.t, err)
	require.NoError(w.t, os.WriteFile(w.config, text, 0o600))
}

// set writes one key of the configuration, as an editor would; nil takes it out.
func (w *world) set(key string, value any) {
	w.t.Helper()
	text, err := os.ReadFile(w.config)
	require.NoError(w.t, err)
	settings := map[string]any{}
	require.NoError(w.t, yaml.Unmarshal(text, &settings))
	at, parts := any(settings), strings.Split(key, ".")
	for _, part := range parts[:len(parts)-1] {
		name, index, isItem := strings.Cut(strings.TrimSuffix(part, "]"), "[")
		section := w.mapping(at)
		if section[name] == nil {
			section[name] = map[string]any{}
		}
		if at = section[name]; isItem {
			n, err := strconv.Atoi(index)
			require.NoError(w.t, err)
			list, ok := at.([]any)
			require.True(w.t, ok && n < len(list), key)
			at = list[n]
		}
	}
	if last := parts[len(parts)-1]; value == nil {
		delete(w.mapping(at), last)
	} else {
		w.mapping(at)[last] = value
	}
	text, err = yaml.Marshal(settings)
	require.NoError(w.t, err)
	require.NoError(w.t, os.WriteFile(w.config, text, 0o600))
}

func (w *world) mapping(of any) map[string]any {
	w.t.Helper()
	section, ok := of.(map[string]any)
	require.True(w.t, ok, "%v is no map", of)
	return section
}

// section is one of the configuration as it was made.
func (w *world) section(name string) map[string]any {
	w.t.Helper()
	return w.mapping(w.settings[name])
}

// onRedis is a deployment on one server, with a user that has the documented rights.
func onRedis(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.redis = testenv.Redis(t, testenv.RedisOptions{})
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	_, line, found := strings.Cut(string(page), "\nuser cambio on >the-password ")
	require.True(t, found)
	line, _, _ = strings.Cut(line, "\n")
	w.redis.MustDo(append([]string{"ACL", "SETUSER", "cambio", "on", ">" + redisPassword}, strings.Fields(line)...)...)
	w.write("redis.password", redisPassword+"\n")
	w.shelf[w.path("redis.password")] = func() []byte { return []byte(redisPassword + "\n") }
	w.settings["store"] = map[string]any{"url": "redis://cambio@" + w.redis.Addr() + "/0", "passwordFile": "redis.password"}
	return w.prepare()
}

// onReplicated is a deployment on one server with a replica, which confirms changes.
func onReplicated(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.redis = testenv.Redis(t, testenv.RedisOptions{Args: []string{
		"--min-replicas-to-write", "1", "--min-replicas-max-lag", "10", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1",
	}})
	_, port, err := net.SplitHostPort(w.redis.Addr())
	require.NoError(t, err)
	replica := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--replicaof", "127.0.0.1 " + port}})
	testenv.Wait(t, 20*time.Second, func() bool {
		info, err := w.redis.Do("INFO", "replication")
		return err == nil && strings.Contains(info, "state=online")
	})
	w.settings["store"] = map[string]any{"url": "redis://" + w.redis.Addr() + "/0", "replicas": 1}
	w.prepare()
	w.shelf["replica"] = func() []byte { return []byte(replica.Addr()) }
	return w
}

// onSentinels is a deployment on a primary that sentinels watch.
func onSentinels(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	s := testenv.Sentinel(t, testenv.RedisOptions{})
	w.shelf["sentinels"] = func() []byte { return []byte(strings.Join(s.Addrs(), " ")) }
	w.settings["store"] = map[string]any{"url": s.URL()}
	return w.prepare()
}

// onCluster is a deployment on a Redis Cluster.
func onCluster(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	c := testenv.Cluster(t, testenv.RedisOptions{})
	w.redis = c.Nodes[0]
	w.shelf["nodes"] = func() []byte { return []byte(strings.Join(c.Addrs(), " ")) }
	w.settings["store"] = map[string]any{"url": c.URL()}
	return w.prepare()
}

// onFile is a deployment on an embedded store.
func onFile(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	require.NoError(t, os.Mkdir(w.path("data"), 0o700))
	w.settings["store"] = map[string]any{"url": "bolt:data/cambio.db"}
	return w.prepare()
}

// onTLS is one whose listener has a certificate by an authority of its own.
func onTLS(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	require.NoError(t, os.Mkdir(w.path("data"), 0o700))
	w.ca = newAuthority(t)
	w.write("ca.pem", string(w.ca.pem))
	w.args = []string{"--ca-file", w.path("ca.pem")}
	w.settings["store"] = map[string]any{"url": "bolt:data/cambio.db"}
	w.settings["issuer"] = "https://" + w.public
	listen := w.section("listen")
	listen["tlsCert"], listen["tlsKey"] = "tls.crt", "tls.key"
	good := w.certify("127.0.0.1", 90*24*time.Hour, w.ca)
	w.shelf[w.path("tls.crt")] = func() []byte { return good }
	return w.prepare()
}

// withServices is onFile with two providers of credentials that are called.
func withServices(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	require.NoError(t, os.Mkdir(w.path("data"), 0o700))
	plain, sealed := httptest.NewServer(http.NotFoundHandler()), httptest.NewUnstartedServer(http.NotFoundHandler())
	sealed.Config.ErrorLog = zap.NewStdLog(zap.NewNop()) // a client that does not trust it is the point
	sealed.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(sealed.Close)
	authorities := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: sealed.Certificate().Raw})
	w.write("s3.pem", string(authorities))
	w.shelf[w.path("s3.pem")] = func() []byte { return authorities }
	loopback := []any{"127.0.0.0/8"}
	w.settings["credentials"] = []any{
		map[string]any{"name": "service", "audience": "https://service.example.com", "http": map[string]any{
			"url": plain.URL + "/capability", "allowedNetworks": loopback, "members": map[string]any{"service_token": "token"},
		}},
		map[string]any{"name": "objects", "audience": "https://objects.example.com", "s3": map[string]any{
			"endpoint": sealed.URL, "allowedNetworks": loopback, "caFile": "s3.pem",
		}},
	}
	w.settings["store"] = map[string]any{"url": "bolt:data/cambio.db"}
	return w.prepare()
}

const databasePassword = "canary-database-password-20417"

// withDatabase is onFile with a provider of credentials that makes roles of a database.
func withDatabase(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	require.NoError(t, os.Mkdir(w.path("data"), 0o700))
	w.database = testenv.Postgres(t)
	w.env = []string{"PGUSER=postgres", "PGPASSWORD=" + testenv.PostgresPassword}
	w.secrets = append(w.secrets, databasePassword)
	w.sql("CREATE ROLE reader NOLOGIN; CREATE ROLE cambio LOGIN CREATEROLE PASSWORD '" + databasePassword + "'; GRANT reader TO cambio WITH ADMIN OPTION")
	password := []byte(databasePassword + "\n")
	w.write("database.password", string(password))
	w.shelf[w.path("database.password")] = func() []byte { return password }
	w.settings["credentials"] = []any{map[string]any{"name": "warehouse", "postgres": map[string]any{
		"host": "127.0.0.1", "port": w.database.Port(), "database": "postgres", "user": "cambio", "passwordFile": "database.password", "sslmode": "disable",
		"roles": []any{"reader", "{{groups:db-*}}"},
	}}}
	w.settings["store"] = map[string]any{"url": "bolt:data/cambio.db"}
	return w.prepare()
}

// sql is what a superuser of the database does.
func (w *world) sql(text string) {
	w.t.Helper()
	w.database.MustQuery("postgres", text)
}

// served is onFile with a server that runs.
func served(t *testing.T) *world {
	t.Helper()
	w := onFile(t)
	w.serve()
	return w
}

// servedOnRedis is onRedis with a server that runs.
func servedOnRedis(t *testing.T) *world {
	t.Helper()
	w := onRedis(t)
	w.serve()
	return w
}

func (w *world) serve() {
	w.t.Helper()
	w.server = testenv.Start(w.t, nil, testenv.Binary(w.t), "serve", "--config", w.config)
	testenv.Wait(w.t, 20*time.Second, func() bool {
		request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+w.public+"/readyz", http.NoBody)
		require.NoError(w.t, err)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// sh runs a command as a person would, in the folder of the deployment.
func (w *world) sh(command string) {
	w.t.Helper()
	output, err := w.command(command).CombinedOutput()
	require.NoError(w.t, err, "%s\n%s", command, output)
}

func (w *world) command(command string) *exec.Cmd {
	w.t.Helper()
	shell := exec.CommandContext(w.t.Context(), "sh", "-c", command)
	shell.Dir = w.dir
	shell.Env = environment(append(slices.Clone(w.env), "PATH="+filepath.Dir(testenv.Binary(w.t))+":"+os.Getenv("PATH"))...)
	return shell
}

// environment is that of this test without what is the product's.
func environment(more ...string) []string {
	return append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "CAMBIO_") }), more...)
}

// examine runs the doctor and holds what all its reports have in common.
func (w *world) examine() *doctor.Report {
	w.t.Helper()
	args := append([]string{"doctor", "--json", "--config", w.config}, w.args...)
	command := exec.CommandContext(w.t.Context(), testenv.Binary(w.t), args...)
	command.Dir, command.Env = w.dir, environment()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	_ = command.Run() // the exit code is looked at below
	report := &doctor.Report{}
	require.NoError(w.t, json.Unmarshal(stdout.Bytes(), report), "%s\n%s", stdout.String(), stderr.String())
	require.Equal(w.t, report.Exit, command.ProcessState.ExitCode())
	require.Equal(w.t, map[doctor.Status]int{doctor.OK: 0, doctor.Warn: 1, doctor.Fail: 2}[report.Status], report.Exit)
	require.Len(w.t, report.Checks, len(doctor.Checks()))
	var text bytes.Buffer
	require.NoError(w.t, report.Write(&text, true))
	for _, secret := range w.secrets {
		for _, output := range []string{stdout.String(), stderr.String(), text.String()} {
			require.NotContains(w.t, output, secret)
		}
	}
	return report
}

// ill are the checks that found something, as "id STATUS".
func ill(report *doctor.Report) []string {
	out := []string{}
	for i := range report.Checks {
		if check := &report.Checks[i]; check.Status == doctor.Warn || check.Status == doctor.Fail {
			out = append(out, check.ID+" "+string(check.Status))
		}
	}
	return out
}

// told are the findings as a person reads them.
func told(report *doctor.Report) string {
	var b strings.Builder
	for i := range report.Checks {
		for _, finding := range report.Checks[i].Findings {
			fmt.Fprintf(&b, "%s %+v\n", report.Checks[i].ID, finding)
		}
	}
	return b.String()
}

// apply carries out every fix of a report as it stands.
func (w *world) apply(report *doctor.Report) {
	w.t.Helper()
	for i := range report.Checks {
		for _, finding := range report.Checks[i].Findings {
			fix := finding.Fix
			require.NotEmpty(w.t, fix.Text)
			require.False(w.t, fix.Command == "" && fix.Edit == nil && fix.Place == nil, "%s: nothing to carry out: %s", finding.Cause, fix.Text)
			if fix.Command != "" {
				w.sh(fix.Command)
			}
			if edit := fix.Edit; edit != nil {
				require.Equal(w.t, w.config, edit.File)
				require.Equal(w.t, edit.Remove, edit.Value == nil)
				w.set(edit.Key, edit.Value)
				w.requireWritten(report, edit)
			}
			if place := fix.Place; place != nil {
				owned := w.shelf[place.File]
				require.NotNil(w.t, owned, "%s: %s", place.File, place.What)
				require.NoError(w.t, os.WriteFile(place.File, owned(), 0o600))
			}
		}
	}
}

// requireWritten wants the printed form of an edit to be what YAML reads the value from.
func (w *world) requireWritten(report *doctor.Report, edit *doctor.Edit) {
	w.t.Helper()
	if edit.Remove {
		return
	}
	var text strings.Builder
	require.NoError(w.t, report.Write(&text, false))
	_, after, found := strings.Cut(text.String(), " set "+edit.Key+": ")
	require.True(w.t, found, text.String())
	shown, _, _ := strings.Cut(after, "\n")
	var read any
	require.NoError(w.t, yaml.Unmarshal([]byte(shown), &read), shown)
	want, err := json.Marshal(edit.Value)
	require.NoError(w.t, err)
	got, err := json.Marshal(read)
	require.NoError(w.t, err)
	require.JSONEq(w.t, string(want), string(got))
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{certificate, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// certify writes tls.crt for a host, of the key in tls.key, which it makes if there is none.
func (w *world) certify(host string, left time.Duration, by *authority) []byte {
	w.t.Helper()
	if _, err := os.Stat(w.path("tls.key")); err != nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(w.t, err)
		sealed, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(w.t, err)
		w.write("tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: sealed})))
	}
	text, err := os.ReadFile(w.path("tls.key"))
	require.NoError(w.t, err)
	block, _ := pem.Decode(text)
	w.secrets = append(w.secrets, strings.Split(string(text), "\n")[1])
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(w.t, err)
	key, ok := parsed.(*ecdsa.PrivateKey)
	require.True(w.t, ok)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host}, NotBefore: time.Now().Add(-100 * 24 * time.Hour), NotAfter: time.Now().Add(left),
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, key.Public(), by.key)
	require.NoError(w.t, err)
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	w.write("tls.crt", string(chain))
	return chain
}

func (w *world) chmod(name string, mode os.FileMode) {
	w.t.Helper()
	require.NoError(w.t, os.Chmod(w.path(name), mode))
}

// number reads a number of INFO.
func (w *world) number(field string) int {
	w.t.Helper()
	for line := range strings.Lines(w.redis.MustDo("INFO")) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), field+":"); found {
			n, err := strconv.Atoi(value)
			require.NoError(w.t, err)
			return n
		}
	}
	w.t.Fatalf("INFO has no %s", field)
	return 0
}

// occupy has another program than Cambio listen at an address.
func (w *world) occupy(addr string) {
	w.t.Helper()
	w.pretend(addr, http.NotFoundHandler())
}

// pretend has a handler answer at an address.
func (w *world) pretend(addr string, handler http.Handler) {
	w.t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(w.t.Context(), "tcp", addr)
	require.NoError(w.t, err)
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	w.t.Cleanup(func() { _ = server.Close() })
}
