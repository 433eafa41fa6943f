package deploy

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
)

const (
	root  = "../.."
	chart = root + "/deploy/helm/cambio"
)

var update = flag.Bool("update", false, "write deploy/kustomize/base/resources.yaml")

type values = map[string]any

// example are the values that the documents show.
func example(t *testing.T) values {
	t.Helper()
	text, err := os.ReadFile(root + "/deploy/helm/example-values.yaml")
	require.NoError(t, err)
	var v values
	require.NoError(t, yaml.Unmarshal(text, &v))
	return v
}

// with are the example's values with others merged into them.
func with(t *testing.T, others string) values {
	t.Helper()
	var v values
	require.NoError(t, yaml.Unmarshal([]byte(others), &v))
	return chartutil.CoalesceTables(v, example(t))
}

// render returns the chart's manifests as one text.
func render(t *testing.T, v values) (string, error) {
	t.Helper()
	loaded, err := loader.Load(chart)
	require.NoError(t, err)
	merged, err := chartutil.ToRenderValues(loaded, v, chartutil.ReleaseOptions{Name: "cambio", Namespace: "sts", Revision: 1, IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(loaded, merged)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if filepath.Ext(name) == ".yaml" && strings.TrimSpace(files[name]) != "" {
			out.WriteString("---\n" + strings.TrimSpace(files[name]) + "\n")
		}
	}
	return out.String(), nil
}

func mustRender(t *testing.T, v values) string {
	t.Helper()
	text, err := render(t, v)
	require.NoError(t, err)
	return text
}

// documents splits a text of YAML into its documents.
func documents(t *testing.T, text string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for decoder := yaml.NewDecoder(strings.NewReader(text)); ; {
		var document map[string]any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		if document != nil {
			found = append(found, document)
		}
	}
}

// objects decodes manifests as Kubernetes' own types, without leave for a member that
// those do not have. What is no type of Kubernetes itself is left out.
func objects(t *testing.T, text string) []runtime.Object {
	t.Helper()
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	var found []runtime.Object
	for _, document := range documents(t, text) {
		if document["kind"] == "ServiceMonitor" {
			continue
		}
		one, err := yaml.Marshal(document)
		require.NoError(t, err)
		object, _, err := decoder.Decode(one, nil, nil)
		require.NoError(t, err, "%s", one)
		found = append(found, object)
	}
	return found
}

// only returns the one object of its type.
func only[T runtime.Object](t *testing.T, all []runtime.Object) T {
	t.Helper()
	var found []T
	for _, object := range all {
		if typed, ok := object.(T); ok {
			found = append(found, typed)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}

func TestHelmLints(t *testing.T) {
	for _, message := range lint.AllWithKubeVersion(chart, example(t), "sts", nil).Messages {
		if !strings.Contains(message.Error(), "icon is recommended") { // there is none
			require.Less(t, message.Severity, support.WarningSev, message.Error())
		}
	}
	broken := with(t, "replicas: none")
	result := lint.AllWithKubeVersion(chart, broken, "sts", nil)
	require.GreaterOrEqual(t, result.HighestSeverity, support.ErrorSev, "it looks at the values")
}

func TestChartRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ values, message string }{
		"no issuer":                   {"config: {issuer: null}", "config.issuer is required"},
		"no store":                    {"config: {store: {url: null}}", "config.store.url is required"},
		"nobody with the certificate": {"config: {listen: {trustedProxies: []}}", "config.listen.trustedProxies is required"},
		"two servers on one file":     {"config: {store: {url: 'bolt:/var/lib/cambio/cambio.db'}}", "an embedded store is for one server"},
		"an unknown value":            {"replica: 2", "replica"},
		"a master key in the values":  {"config: {masterKey: {file: /x}}", "not"},
		"no secret":                   {"masterKey: {existingSecret: ''}", "existingSecret"},
		"an issuer with a path":       {"config: {issuer: 'https://a.example/x'}", "issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(t, with(t, tc.values))
			require.ErrorContains(t, err, tc.message)
		})
	}
}

func TestChartIsOfThisVersion(t *testing.T) {
	version, err := os.ReadFile(root + "/VERSION")
	require.NoError(t, err)
	loaded, err := loader.Load(chart)
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(version)), loaded.Metadata.Version)
	require.Equal(t, strings.TrimSpace(string(version)), loaded.Metadata.AppVersion)
}

func TestManifests(t *testing.T) {
	for name, text := range map[string]string{
		"chart":                 mustRender(t, example(t)),
		"chart, all of it":      mustRender(t, with(t, everything)),
		"chart, embedded store": mustRender(t, with(t, "{replicas: 1, config: {store: {url: 'bolt:/var/lib/cambio/cambio.db'}}}")),
		"kustomize, base":       kustomized(t, "base"),
		"kustomize, example":    kustomized(t, "example"),
	} {
		t.Run(name, func(t *testing.T) {
			all := objects(t, text)
			requireHardened(t, only[*appsv1.StatefulSet](t, all))
			policy := only[*networkingv1.NetworkPolicy](t, all)
			require.ElementsMatch(t, []networkingv1.PolicyType{"Ingress", "Egress"}, policy.Spec.PolicyTypes)
			requireSelected(t, all)
		})
	}
}

// everything sets what the example leaves at its default.
const everything = `
image: {digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
imagePullSecrets: [{name: registry}]
extraSecret: cambio-extra
persistence: {storageClassName: fast}
serviceMonitor: {enabled: true, labels: {release: prometheus}}
service: {annotations: {a: b}}
serviceAccount: {annotations: {a: b}}
podAnnotations: {a: b}
podLabels: {a: b}
nodeSelector: {a: b}
tolerations: [{key: a, operator: Exists}]
priorityClassName: high
networkPolicy:
  clients: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress}}}]
  admins: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]
`

// requireHardened checks what Kubernetes' restricted profile asks for
// (https://kubernetes.io/docs/concepts/security/pod-security-standards/), a root file
// system that is read only, and the probes.
func requireHardened(t *testing.T, set *appsv1.StatefulSet) {
	t.Helper()
	pod := set.Spec.Template.Spec
	require.True(t, *pod.SecurityContext.RunAsNonRoot)
	require.NotZero(t, *pod.SecurityContext.RunAsUser)
	require.NotZero(t, *pod.SecurityContext.FSGroup)
	require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
	require.False(t, *pod.AutomountServiceAccountToken)
	require.False(t, pod.HostNetwork || pod.HostPID || pod.HostIPC)
	for _, container := range append(slices.Clone(pod.InitContainers), pod.Containers...) {
		context := container.SecurityContext
		require.True(t, *context.ReadOnlyRootFilesystem, container.Name)
		require.False(t, *context.AllowPrivilegeEscalation, container.Name)
		require.Equal(t, []corev1.Capability{"ALL"}, context.Capabilities.Drop, container.Name)
		require.Empty(t, context.Capabilities.Add, container.Name)
		require.False(t, strings.HasSuffix(container.Image, ":latest") || !strings.ContainsAny(container.Image, ":@"), container.Image)
		for _, mount := range container.VolumeMounts {
			require.True(t, mount.ReadOnly || mount.MountPath == "/var/lib/cambio", "%s writes to %s", container.Name, mount.MountPath)
		}
	}
	for _, volume := range pod.Volumes {
		require.Nil(t, volume.HostPath)
		if volume.Secret != nil {
			require.Equal(t, int32(0o440), *volume.Secret.DefaultMode)
		}
	}
	server := pod.Containers[0]
	require.Equal(t, "/livez", server.LivenessProbe.HTTPGet.Path)
	require.Equal(t, "/readyz", server.ReadinessProbe.HTTPGet.Path)
	for _, probe := range []*corev1.Probe{server.StartupProbe, server.LivenessProbe, server.ReadinessProbe} {
		require.Equal(t, "admin", probe.HTTPGet.Port.String(), "the public port asks proxies who the client is")
	}
	require.NotNil(t, server.Resources.Limits.Memory())
	require.Greater(t, *pod.TerminationGracePeriodSeconds, int64(20), "requests in flight have 20 s")
}

// requireSelected checks that services, policy and budget mean the pods.
func requireSelected(t *testing.T, all []runtime.Object) {
	t.Helper()
	set := only[*appsv1.StatefulSet](t, all)
	ports := map[string]bool{}
	for _, port := range set.Spec.Template.Spec.Containers[0].Ports {
		ports[port.Name] = true
	}
	var names []string
	for _, object := range all {
		selector := set.Spec.Selector.MatchLabels
		switch object := object.(type) {
		case *corev1.Service:
			names, selector = append(names, object.Name), object.Spec.Selector
			require.True(t, ports[object.Spec.Ports[0].TargetPort.String()], object.Name)
		case *networkingv1.NetworkPolicy:
			selector = object.Spec.PodSelector.MatchLabels
		case *policyv1.PodDisruptionBudget:
			selector = object.Spec.Selector.MatchLabels
		}
		require.NotEmpty(t, selector)
		for key, value := range selector {
			require.Equal(t, value, set.Spec.Template.Labels[key])
		}
	}
	require.Contains(t, names, set.Spec.ServiceName)
}

func TestAdminPortIsClosed(t *testing.T) {
	policy := func(v values) *networkingv1.NetworkPolicy {
		return only[*networkingv1.NetworkPolicy](t, objects(t, mustRender(t, v)))
	}
	closed := policy(example(t)).Spec.Ingress
	require.Len(t, closed, 1)
	require.Equal(t, "http", closed[0].Ports[0].Port.String())
	opened := policy(with(t, everything)).Spec.Ingress
	require.Len(t, opened, 2)
	require.Equal(t, "admin", opened[1].Ports[0].Port.String())
	require.NotEmpty(t, opened[1].From, "nobody else")
}

func TestServiceMonitorIsAskedFor(t *testing.T) {
	require.NotContains(t, mustRender(t, example(t)), "ServiceMonitor")
	for _, document := range documents(t, mustRender(t, with(t, everything))) {
		if document["kind"] == "ServiceMonitor" {
			text, err := yaml.Marshal(document)
			require.NoError(t, err)
			require.True(t, bytes.Contains(text, []byte("release: prometheus")) && bytes.Contains(text, []byte("path: /metrics")))
			return
		}
	}
	require.Fail(t, "there is none")
}
