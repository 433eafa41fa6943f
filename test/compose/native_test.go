package compose

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// soon bounds the wait for what must happen in a moment.
const soon = 20 * time.Second

const (
	configFile = "/etc/cambio/cambio.yaml"
	stateDir   = "/run/cambio"
)

// native is what docker-compose.yml describes, running on this machine.
type native struct {
	file   composition
	dir    string
	config map[string]string // configuration file of each service of ours
	addr   map[string]string // of each service that listens
	nginx  *testenv.Process
	hosts  *strings.Replacer // of host:port of services that others name
	client *http.Client
	from   string // the client's address
	token  string
}

func TestCommandsRunNatively(t *testing.T) {
	nginx, redis, cli := testenv.Need(t, "nginx"), testenv.Need(t, "redis-server"), testenv.Need(t, "redis-cli")
	n := newNative(t)
	n.startRedis(t, redis, cli)
	n.prepare(t)
	serving := map[string]*testenv.Process{}
	for _, name := range replicas {
		serving[name] = n.serve(t, name)
	}
	n.startNginx(t, nginx)

	n.requireExchanges(t, 10)
	for _, name := range replicas {
		testenv.Wait(t, soon, func() bool { return len(exchangesFrom(t, serving[name])) > 0 })
		for _, ip := range exchangesFrom(t, serving[name]) {
			require.Equal(t, n.from, ip, "%s believes nginx, and nginx nobody", name)
		}
	}
	n.requireRevocationIsSeen(t)

	serving[replicas[0]].Kill()
	n.requireExchanges(t, 30)
	status, body := n.get(t, "/readyz")
	require.Equal(t, http.StatusOK, status, body)

	serving[replicas[0]] = n.serve(t, replicas[0])
	testenv.Wait(t, soon, func() bool {
		n.requireExchanges(t, 1)
		return len(exchangesFrom(t, serving[replicas[0]])) > 0
	})

	n.nginx.Stop()
	_, err := net.DialTimeout("tcp", n.addr["nginx"], time.Second)
	require.Error(t, err, "nginx has ended with its workers")
	for _, name := range replicas {
		serving[name].Stop()
	}
	n.run(t, nil, "audit", "verify", "--dir", filepath.Join(n.dir, "state", "audit"))
}

func newNative(t *testing.T) *native {
	t.Helper()
	n := &native{file: readComposition(t), dir: testenv.MemoryDir(t), config: map[string]string{}, addr: map[string]string{}, hosts: strings.NewReplacer(), from: "127.0.0.1"}
	require.NoError(t, os.Mkdir(filepath.Join(n.dir, "state"), 0o700))
	for _, name := range append([]string{"redis", "nginx"}, replicas...) {
		n.addr[name] = "127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))
	}
	for name, s := range n.file.Services {
		if s.Build != "" {
			n.config[name] = n.writeConfig(t, name)
		}
	}
	if runtime.GOOS == "linux" { // others have one loopback address, which is nginx's too
		n.from = "127.0.0.2"
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(n.from)}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	n.client = &http.Client{Transport: transport, Timeout: soon}
	return n
}

// writeConfig writes the configuration for one service. What only prepares
// keeps the address, and with it the rule for plain http that others reach.
func (n *native) writeConfig(t *testing.T, name string) string {
	t.Helper()
	text := read(t, "deploy/compose/cambio.yaml")
	rewrite(t, &text, "issuer: http://127.0.0.1:8080", "issuer: http://"+n.addr["nginx"])
	rewrite(t, &text, "redis://redis:6379", "redis://"+n.addr["redis"])
	rewrite(t, &text, "trustedProxies: [", "trustedProxies: [127.0.0.1/32, ")
	rewrite(t, &text, stateDir, filepath.Join(n.dir, "state"))
	if addr, serves := n.addr[name]; serves {
		rewrite(t, &text, `addr: ":8080"`, `addr: "`+addr+`"`)
		rewrite(t, &text, "adminAddr: 127.0.0.1:9090", "adminAddr: 127.0.0.1:0")
	}
	file := filepath.Join(n.dir, name+".yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o400))
	return file
}

// rewrite replaces what must be there.
func rewrite(t *testing.T, text *string, old, replacement string) {
	t.Helper()
	require.Contains(t, *text, old)
	*text = strings.ReplaceAll(*text, old, replacement)
}

func (n *native) startRedis(t *testing.T, program, cli string) {
	t.Helper()
	redis := n.file.Services["redis"]
	require.Equal(t, "redis-server", redis.Command[0])
	host, port, err := net.SplitHostPort(n.addr["redis"])
	require.NoError(t, err)
	own := []string{"--bind", host, "--port", port, "--dir", n.dir}
	testenv.Start(t, nil, program, slices.Concat(redis.Command[1:], own)...)

	require.Equal(t, []string{"CMD", "redis-cli"}, redis.Healthcheck.Test[:2])
	check := append([]string{"-p", port}, redis.Healthcheck.Test[2:]...)
	testenv.Wait(t, soon, func() bool { return exec.CommandContext(t.Context(), cli, check...).Run() == nil })
}

// prepare runs the services of the profile setup, in the order of the comment.
func (n *native) prepare(t *testing.T) {
	t.Helper()
	before, err := os.ReadFile(n.config["init"])
	require.NoError(t, err)
	for range 2 { // it may be repeated, and has to be where replicas are too slow to confirm it
		var printed, complaint string
		testenv.Wait(t, soon, func() bool {
			printed, complaint, err = n.attempt(t, n.environment("init"), n.command("init")...)
			return err == nil || !strings.Contains(complaint, "too few replicas")
		})
		require.NoError(t, err, "%s%s", printed, complaint)
		require.NotContains(t, printed, "wrote "+n.config["init"])
	}
	after, err := os.ReadFile(n.config["init"])
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
	n.token = strings.TrimSpace(n.runService(t, "bootstrap"))
	require.True(t, strings.HasPrefix(n.token, "cambio_pat_"))
}

func (n *native) runService(t *testing.T, name string) string {
	t.Helper()
	return n.run(t, n.environment(name), n.command(name)...)
}

// run runs the product to its end and returns its standard output.
func (n *native) run(t *testing.T, env []string, args ...string) string {
	t.Helper()
	output, complaint, err := n.attempt(t, env, args...)
	require.NoError(t, err, "cambio %v\n%s%s", args, output, complaint)
	return output
}

func (*native) attempt(t *testing.T, env []string, args ...string) (output, complaint string, err error) {
	t.Helper()
	var complaints strings.Builder
	command := exec.CommandContext(t.Context(), testenv.Binary(t), args...)
	command.Env, command.Stderr = append(environment(), env...), &complaints
	printed, err := command.Output()
	return string(printed), complaints.String(), err
}

// environment is that of the test without the product's own variables.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "CAMBIO_") })
}

func (n *native) command(name string) []string {
	return n.rewritten(name, n.file.Services[name].Command)
}

func (n *native) environment(name string) []string {
	var entries []string
	for key, value := range n.file.Services[name].Environment {
		entries = append(entries, key+"="+value)
	}
	return n.rewritten(name, entries)
}

func (n *native) rewritten(name string, words []string) []string {
	words = slices.Clone(words)
	for i := range words {
		words[i] = n.hosts.Replace(strings.ReplaceAll(words[i], configFile, n.config[name]))
	}
	return words
}

func (n *native) serve(t *testing.T, name string) *testenv.Process {
	t.Helper()
	process := testenv.Start(t, n.environment(name), testenv.Binary(t), n.command(name)...)
	testenv.Wait(t, soon, func() bool {
		status, _ := n.try(t, http.MethodGet, "http://"+n.addr[name]+"/readyz", nil)
		return status == http.StatusOK
	})
	return process
}

func (n *native) startNginx(t *testing.T, program string) {
	t.Helper()
	text := read(t, "deploy/compose/nginx.conf")
	for _, name := range replicas {
		rewrite(t, &text, name+":8080", n.addr[name])
	}
	rewrite(t, &text, "listen 8080;", "listen "+n.addr["nginx"]+";")
	rewrite(t, &text, "pid /run/nginx.pid;", "pid "+filepath.Join(n.dir, "nginx.pid")+";")
	paths := "http {\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		paths += kind + "_temp_path " + filepath.Join(n.dir, kind) + ";\n"
	}
	rewrite(t, &text, "http {\n", paths)
	file := filepath.Join(n.dir, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	n.nginx = testenv.Start(t, nil, program, "-e", "stderr", "-p", n.dir, "-c", file, "-g", "daemon off;")
	t.Cleanup(n.nginx.Stop) // a killed master leaves its workers
	testenv.Wait(t, soon, func() bool {
		status, _ := n.try(t, http.MethodGet, "http://"+n.addr["nginx"]+"/readyz", nil)
		return status == http.StatusOK
	})
}

// requireExchanges exchanges the token so many times through nginx.
func (n *native) requireExchanges(t *testing.T, count int) {
	t.Helper()
	for range count {
		status, body := n.exchange(t, n.addr["nginx"], n.token)
		require.Equal(t, http.StatusOK, status, body)
		var members struct{ Issuer string }
		require.NoError(t, json.Unmarshal([]byte(body), &members))
		require.Equal(t, "http://"+n.addr["nginx"], members.Issuer)
	}
}

func (n *native) exchange(t *testing.T, addr, token string) (status int, body string) {
	t.Helper()
	return n.must(t, http.MethodPost, "http://"+addr+"/oauth2/token", url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		"subject_token":      {token},
	})
}

func (n *native) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	return n.must(t, http.MethodGet, "http://"+n.addr["nginx"]+path, nil)
}

// requireRevocationIsSeen revokes a token at one replica and shows it to the
// other at once.
func (n *native) requireRevocationIsSeen(t *testing.T) {
	t.Helper()
	token := strings.TrimSpace(n.runService(t, "bootstrap"))
	for _, name := range replicas {
		status, body := n.exchange(t, n.addr[name], token)
		require.Equal(t, http.StatusOK, status, body)
	}
	status, body := n.must(t, http.MethodPost, "http://"+n.addr[replicas[0]]+"/oauth2/revoke", url.Values{"token": {token}})
	require.Equal(t, http.StatusOK, status, body)
	status, body = n.exchange(t, n.addr[replicas[1]], token)
	require.Equal(t, http.StatusBadRequest, status, body)
	require.Contains(t, body, "revoked")
}

func (n *native) must(t *testing.T, method, to string, form url.Values) (status int, body string) {
	t.Helper()
	status, body = n.try(t, method, to, form)
	require.NotZero(t, status, body)
	return status, body
}

// try sends a request that claims to come from elsewhere; status 0 is none.
func (n *native) try(t *testing.T, method, to string, form url.Values) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-Forwarded-For", "203.0.113.7")
	response, err := n.client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

// exchangesFrom returns the clients' addresses of the token requests that a
// replica has logged.
func exchangesFrom(t *testing.T, replica *testenv.Process) []string {
	t.Helper()
	var clients []string
	for line := range strings.Lines(replica.Stderr()) {
		var entry struct{ Msg, Route, IP string }
		if strings.HasSuffix(line, "\n") {
			require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		}
		if entry.Msg == "request" && strings.HasSuffix(entry.Route, "/oauth2/token") {
			clients = append(clients, entry.IP)
		}
	}
	return clients
}
