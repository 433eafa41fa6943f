package compose

import (
	"bytes"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// root is the repository, seen from this folder.
const root = "../.."

// replicas are the services that serve.
var replicas = []string{"cambio-1", "cambio-2"}

// composition has every key that docker-compose.yml may use: another is a
// typing error, or needs a test.
type composition struct {
	Name     string             `yaml:"name"`
	Shared   any                `yaml:"x-cambio"`
	Services map[string]service `yaml:"services"`
	Volumes  map[string]any     `yaml:"volumes"`
}

type service struct {
	Image       string            `yaml:"image"`
	Build       string            `yaml:"build"`
	ReadOnly    bool              `yaml:"read_only"`
	CapDrop     []string          `yaml:"cap_drop"`
	Environment map[string]string `yaml:"environment"`
	Volumes     []string          `yaml:"volumes"`
	Ports       []string          `yaml:"ports"`
	DependsOn   any               `yaml:"depends_on"`
	Healthcheck struct {
		Test     []string `yaml:"test"`
		Interval string   `yaml:"interval"`
		Retries  int      `yaml:"retries"`
	} `yaml:"healthcheck"`
	Profiles []string `yaml:"profiles"`
	Command  []string `yaml:"command"`
	Restart  string   `yaml:"restart"`
}

// settings is what the files beside it must agree with.
type settings struct {
	Issuer string `yaml:"issuer"`
	Listen struct {
		Addr           string         `yaml:"addr"`
		AdminAddr      string         `yaml:"adminAddr"`
		TrustedProxies []netip.Prefix `yaml:"trustedProxies"`
	} `yaml:"listen"`
	Store struct {
		URL string `yaml:"url"`
	} `yaml:"store"`
	MasterKey struct {
		File string `yaml:"file"`
	} `yaml:"masterKey"`
	Audit struct {
		Dir string `yaml:"dir"`
	} `yaml:"audit"`
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(text)
}

func readComposition(t *testing.T) composition {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewBufferString(read(t, "docker-compose.yml")))
	decoder.KnownFields(true)
	var file composition
	require.NoError(t, decoder.Decode(&file))
	return file
}

func readSettings(t *testing.T) settings {
	t.Helper()
	var s settings
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "deploy/compose/cambio.yaml")), &s))
	return s
}

// mount splits a volume into what is mounted and where.
func mount(t *testing.T, volume string) (source, target string, readOnly bool) {
	t.Helper()
	parts := strings.Split(volume, ":")
	require.GreaterOrEqual(t, len(parts), 2, volume)
	return parts[0], parts[1], slices.Contains(parts[2:], "ro")
}

func TestServices(t *testing.T) {
	file := readComposition(t)
	require.ElementsMatch(t, append([]string{"redis", "init", "bootstrap", "nginx"}, replicas...), slices.Collect(maps.Keys(file.Services)))
	require.Equal(t, file.Services[replicas[0]], file.Services[replicas[1]], "replicas differ in nothing")
	require.Equal(t, []string{"serve"}, file.Services[replicas[0]].Command)
}

func TestImagesArePinned(t *testing.T) {
	for name, s := range readComposition(t).Services {
		if s.Build != "" {
			require.FileExists(t, filepath.Join(root, s.Build, "Dockerfile"), name)
			continue
		}
		_, tag, _ := strings.Cut(s.Image, ":")
		require.NotContains(t, []string{"", "latest"}, tag, name)
	}
}

func TestMounts(t *testing.T) {
	file := readComposition(t)
	for name, s := range file.Services {
		for _, volume := range s.Volumes {
			source, _, readOnly := mount(t, volume)
			if !strings.HasPrefix(source, "./") {
				require.Contains(t, file.Volumes, source, name)
				continue
			}
			require.FileExists(t, filepath.Join(root, source), name)
			require.True(t, readOnly, "%s may not write into the repository: %s", name, volume)
		}
	}
}

// All that a container of ours writes is in the volume, which the image
// prepared for a user who is not root.
func TestCambioWritesToItsVolumeOnly(t *testing.T) {
	configured := readSettings(t)
	owned := regexp.MustCompile(`(?m)^COPY --from=build --chown=65532:65532 \S+ (\S+)$`).FindStringSubmatch(read(t, "Dockerfile"))
	require.NotNil(t, owned, "the Dockerfile makes a folder for the user nonroot")
	for name, s := range readComposition(t).Services {
		if s.Build == "" {
			continue
		}
		require.True(t, s.ReadOnly, name)
		require.Equal(t, []string{"ALL"}, s.CapDrop, name)
		var written []string
		for _, volume := range s.Volumes {
			_, target, readOnly := mount(t, volume)
			if !readOnly {
				written = append(written, target)
			} else {
				require.Equal(t, s.Environment["CAMBIO_CONFIG"], target, name)
			}
		}
		require.Equal(t, []string{owned[1]}, written, name)
		require.Equal(t, owned[1], path.Dir(configured.MasterKey.File))
		require.Equal(t, owned[1], path.Dir(configured.Audit.Dir))
	}
}

func TestRedisKeepsWhatItAcknowledged(t *testing.T) {
	command := readComposition(t).Services["redis"].Command
	for option, want := range map[string]string{"--appendonly": "yes", "--appendfsync": "always", "--maxmemory-policy": "noeviction"} {
		at := slices.Index(command, option)
		require.GreaterOrEqual(t, at, 0, option)
		require.Equal(t, want, command[at+1], option)
	}
}

func TestNamesAgree(t *testing.T) {
	file, configured := readComposition(t), readSettings(t)
	_, port, err := net.SplitHostPort(configured.Listen.Addr)
	require.NoError(t, err)

	var upstreams []string
	for _, found := range regexp.MustCompile(`(?m)^\s+server (\S+?)[ ;]`).FindAllStringSubmatch(read(t, "deploy/compose/nginx.conf"), -1) {
		if found[1] != "{" {
			upstreams = append(upstreams, found[1])
		}
	}
	require.Equal(t, []string{replicas[0] + ":" + port, replicas[1] + ":" + port}, upstreams)

	issuer, err := url.Parse(configured.Issuer)
	require.NoError(t, err)
	listens := regexp.MustCompile(`(?m)^\s+listen (\d+);`).FindStringSubmatch(read(t, "deploy/compose/nginx.conf"))
	require.NotNil(t, listens)
	require.Equal(t, []string{issuer.Host + ":" + listens[1]}, file.Services["nginx"].Ports, "clients reach nginx at the issuer")

	store, err := url.Parse(configured.Store.URL)
	require.NoError(t, err)
	require.Contains(t, file.Services, store.Hostname())
}

// The comment at the head of the file is what people paste.
func TestOrderOfTheStart(t *testing.T) {
	text, file := read(t, "docker-compose.yml"), readComposition(t)
	var steps, setup []string
	for _, found := range regexp.MustCompile(`(?m)^# +docker compose (run --rm \S+|up -d)(  .*)?$`).FindAllStringSubmatch(text, -1) {
		steps = append(steps, found[1])
	}
	require.Equal(t, []string{"run --rm init", "run --rm bootstrap", "up -d"}, steps)
	for name, s := range file.Services {
		if slices.Contains(s.Profiles, "setup") {
			setup = append(setup, name)
		}
	}
	require.ElementsMatch(t, []string{"init", "bootstrap"}, setup, "up starts the others")
}
