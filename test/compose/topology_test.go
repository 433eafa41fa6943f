package compose

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// layer is a file that lies over docker-compose.yml.
type layer struct {
	composition `yaml:",inline"`

	Redis    any `yaml:"x-redis"`
	Sentinel any `yaml:"x-sentinel"`
}

func readLayer(t *testing.T, name string) composition {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewBufferString(read(t, name)))
	decoder.KnownFields(true)
	var file layer
	require.NoError(t, decoder.Decode(&file))
	return file.composition
}

// topology is a layer, running on this machine.
type topology struct {
	*native

	over    composition
	ports   map[string]string // of each service of the layer that listens
	servers map[string]*testenv.Process
}

// newTopology lays a file over docker-compose.yml, as compose does for what its
// services of ours set, and gives each server a port.
func newTopology(t *testing.T, name string) *topology {
	t.Helper()
	p := &topology{native: newNative(t), over: readLayer(t, name), ports: map[string]string{}, servers: map[string]*testenv.Process{}}
	var hosts []string
	for _, service := range slices.Sorted(maps.Keys(p.over.Services)) {
		over := p.over.Services[service]
		if base, ours := p.file.Services[service]; ours && base.Build != "" {
			base.Environment = maps.Clone(base.Environment)
			maps.Copy(base.Environment, over.Environment)
			p.file.Services[service] = base
			continue
		}
		p.ports[service] = strconv.Itoa(testenv.FreePort(t))
		for _, port := range []string{"6379", "26379"} {
			hosts = append(hosts, service+":"+port, "127.0.0.1:"+p.ports[service], service+" "+port, "127.0.0.1 "+p.ports[service])
		}
	}
	p.hosts = strings.NewReplacer(hosts...)
	return p
}

// start starts the servers of Redis by their commands; only names and ports are
// others.
func (p *topology) start(t *testing.T, program string) {
	t.Helper()
	for _, service := range slices.Sorted(maps.Keys(p.ports)) {
		command := p.over.Services[service].Command
		if command[0] != "redis-server" {
			continue
		}
		words := p.rewritten(service, command[1:])
		for i, word := range words {
			switch {
			case word == service && words[i-1] == "--replica-announce-ip":
				words[i] = "127.0.0.1"
			case word == service && words[i-1] == "--cluster-announce-hostname":
				words[i] = "localhost"
			}
		}
		own := []string{"--bind", "127.0.0.1", "--port", p.ports[service], "--dir", testenv.MemoryDir(t)}
		if slices.Contains(words, "--cluster-enabled") {
			own = append(own, "--cluster-port", strconv.Itoa(testenv.FreePort(t)))
		}
		p.servers[service] = testenv.Start(t, nil, program, append(words, own...)...)
	}
}

// said waits until a server answers a command with a text.
func (p *topology) said(t *testing.T, cli, service, text string, command ...string) {
	t.Helper()
	testenv.Wait(t, 2*soon, func() bool {
		answer, err := exec.CommandContext(t.Context(), cli, append([]string{"-p", p.ports[service]}, command...)...).Output()
		return err == nil && strings.Contains(string(answer), text)
	})
}

// uses prepares the store, serves, and exchanges.
func (p *topology) uses(t *testing.T) {
	t.Helper()
	p.prepare(t)
	for _, name := range replicas {
		p.serve(t, name)
	}
	p.exchanged(t)
	p.requireRevocationIsSeen(t)
}

// exchanged waits until both replicas exchange the token.
func (p *topology) exchanged(t *testing.T) {
	t.Helper()
	for _, name := range replicas {
		testenv.Wait(t, 2*soon, func() bool {
			status, _ := p.exchange(t, p.addr[name], p.token)
			return status == http.StatusOK
		})
	}
}

func TestSentinelRunsNatively(t *testing.T) {
	redis, cli := testenv.Need(t, "redis-server"), testenv.Need(t, "redis-cli")
	p := newTopology(t, "deploy/compose/sentinel.yaml")
	p.start(t, redis)
	sentinels := []string{"sentinel-1", "sentinel-2", "sentinel-3"}
	p.said(t, cli, "redis", "min_slaves_good_slaves:2", "info", "replication")
	for _, sentinel := range sentinels {
		command := p.over.Services[sentinel].Command
		require.Equal(t, []string{"sh", "-c"}, command[:2])
		require.True(t, strings.HasSuffix(command[2], "; exec redis-server /data/sentinel.conf --sentinel"))
		text := p.hosts.Replace(read(t, "deploy/compose/sentinel.conf"))
		rewrite(t, &text, "port 26379", "bind 127.0.0.1\nport "+p.ports[sentinel])
		file := filepath.Join(t.TempDir(), "sentinel.conf")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		testenv.Start(t, nil, redis, file, "--sentinel")
	}
	for _, sentinel := range sentinels {
		p.said(t, cli, sentinel, "status=ok,address=127.0.0.1:"+p.ports["redis"]+",slaves=2,sentinels=3", "info", "sentinel")
	}
	p.uses(t)

	p.servers["redis"].Kill()
	p.exchanged(t)
}

func TestClusterRunsNatively(t *testing.T) {
	redis, cli, shell := testenv.Need(t, "redis-server"), testenv.Need(t, "redis-cli"), testenv.Need(t, "sh")
	p := newTopology(t, "deploy/compose/cluster.yaml")
	p.start(t, redis)
	var addrs []string
	for _, service := range slices.Sorted(maps.Keys(p.servers)) {
		p.said(t, cli, service, "PONG", "ping")
		addrs = append(addrs, net.JoinHostPort("127.0.0.1", p.ports[service]))
	}
	require.Len(t, addrs, 6)

	form := p.over.Services["form"].Command
	require.Equal(t, []string{"sh", "-c"}, form[:2])
	named := regexp.MustCompile(`\$\$\(getent hosts (.*) \| .*?\)`)
	require.ElementsMatch(t, slices.Collect(maps.Keys(p.servers)), strings.Fields(named.FindStringSubmatch(form[2])[1]))
	script := named.ReplaceAllLiteralString(form[2], strings.Join(addrs, " "))
	text, err := exec.CommandContext(t.Context(), shell, "-c", script).CombinedOutput()
	require.NoError(t, err, "%s", text)
	for service := range p.servers {
		p.said(t, cli, service, "cluster_state:ok", "cluster", "info")
		testenv.Wait(t, 2*soon, func() bool { // on either side
			text, err := exec.CommandContext(t.Context(), cli, "-p", p.ports[service], "info", "replication").Output()
			return err == nil && (bytes.Contains(text, []byte("state=online")) || bytes.Contains(text, []byte("master_link_status:up")))
		})
	}
	p.uses(t)
}

// TestLayersFit checks what compose would: that what a layer names is there.
func TestLayersFit(t *testing.T) {
	base := readComposition(t)
	for _, name := range []string{"deploy/compose/sentinel.yaml", "deploy/compose/cluster.yaml"} {
		over := readLayer(t, name)
		require.Contains(t, read(t, name), fmt.Sprintf("COMPOSE_FILE=docker-compose.yml:%s\n", name))
		for service, s := range over.Services {
			if _, replaces := base.Services[service]; !replaces {
				require.NotEmpty(t, s.Image, service)
			}
			for _, volume := range s.Volumes {
				source, _, readOnly := mount(t, volume)
				if strings.HasPrefix(source, "./") {
					require.FileExists(t, filepath.Join(root, source))
					require.True(t, readOnly)
				} else {
					require.Contains(t, over.Volumes, source)
				}
			}
		}
		for _, ours := range append([]string{"init", "bootstrap"}, replicas...) {
			url := over.Services[ours].Environment["CAMBIO_STORE_URL"]
			for _, found := range regexp.MustCompile(`[/,]([a-z0-9-]+):(?:6379|26379)`).FindAllStringSubmatch(url, -1) {
				require.Contains(t, over.Services, found[1])
			}
			require.NotEmpty(t, url)
		}
	}
}
