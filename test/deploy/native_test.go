package deploy

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const soon = 20 * time.Second

// TestPodRunsNatively runs the containers of a pod one after the other as processes:
// their arguments, configuration and probes, with other paths and ports.
func TestPodRunsNatively(t *testing.T) {
	for name, text := range map[string]string{
		"chart":     mustRender(t, example(t)),
		"kustomize": kustomized(t, "example"),
	} {
		t.Run(name, func(t *testing.T) {
			all := objects(t, text)
			set, config := only[*appsv1.StatefulSet](t, all), only[*corev1.ConfigMap](t, all)
			p := newPod(t, config.Data["cambio.yaml"])
			for _, container := range set.Spec.Template.Spec.InitContainers {
				p.run(t, p.arguments(t, container)...)
			}
			p.run(t, "bootstrap", "--config", p.config, "--who", "everyone")
			server := set.Spec.Template.Spec.Containers[0]
			process := testenv.Start(t, nil, testenv.Binary(t), p.arguments(t, server)...)
			for _, probe := range []*corev1.Probe{server.StartupProbe, server.ReadinessProbe, server.LivenessProbe} {
				p.answers(t, probe.HTTPGet.Path)
			}
			process.Stop()
			trail, err := filepath.Glob(filepath.Join(p.dir, "state/audit/*"))
			require.NoError(t, err)
			require.NotEmpty(t, trail, "in the volume")
		})
	}
}

type pod struct{ dir, config, public, admin string }

func newPod(t *testing.T, text string) *pod {
	t.Helper()
	dir := t.TempDir()
	p := &pod{dir: dir, config: filepath.Join(dir, "cambio.yaml")}
	p.public, p.admin = "127.0.0.1:"+strconv.Itoa(testenv.FreePort(t)), "127.0.0.1:"+strconv.Itoa(testenv.FreePort(t))
	redis := testenv.Redis(t, testenv.RedisOptions{})
	for from, to := range map[string]string{
		`addr: :8080`: "addr: " + p.public, `addr: ":8080"`: "addr: " + p.public,
		`adminAddr: :9090`: "adminAddr: " + p.admin, `adminAddr: ":9090"`: "adminAddr: " + p.admin,
		"redis+sentinel://redis-sentinel:26379/0?master=cambio": redis.URL(),
		"/run/secrets/cambio": filepath.Join(dir, "secret"), "/var/lib/cambio": filepath.Join(dir, "state"),
	} {
		text = strings.ReplaceAll(text, from, to)
	}
	require.NoError(t, os.WriteFile(p.config, []byte(text), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "state"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "secret"), 0o700))

	// The secret, made as the document says, by init of another folder.
	p.run(t, "init", "--config", filepath.Join(t.TempDir(), "cambio.yaml"), "--issuer", "https://sts.example.com")
	return p
}

func (p *pod) run(t *testing.T, args ...string) {
	t.Helper()
	testenv.Wait(t, soon, func() bool { // on a busy machine the store is now and then not reached in time
		command := exec.CommandContext(t.Context(), testenv.Binary(t), args...)
		command.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "CAMBIO_") })
		text, err := command.CombinedOutput()
		require.True(t, err == nil || strings.Contains(string(text), "store_unreachable"), "cambio %v\n%s", args, text)
		return err == nil
	})
	if made := filepath.Join(filepath.Dir(args[2]), "master.key"); args[0] == "init" && args[2] != p.config {
		key, err := os.ReadFile(made)
		require.NoError(t, err)
		mode := os.FileMode(0o400)
		if os.Getuid() == 0 {
			mode = 0o440 // as Kubernetes mounts it with fsGroup
		}
		require.NoError(t, os.WriteFile(filepath.Join(p.dir, "secret/master.key"), key, mode))
	}
}

func (p *pod) arguments(t *testing.T, container corev1.Container) []string {
	t.Helper()
	require.Contains(t, container.Args, "/etc/cambio/cambio.yaml")
	args := slices.Clone(container.Args)
	args[slices.Index(args, "/etc/cambio/cambio.yaml")] = p.config
	return args
}

func (p *pod) answers(t *testing.T, path string) {
	t.Helper()
	client := &http.Client{Timeout: soon}
	t.Cleanup(client.CloseIdleConnections)
	testenv.Wait(t, soon, func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.admin+path, http.NoBody)
		require.NoError(t, err)
		response, err := client.Do(request)
		return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
	})
}
