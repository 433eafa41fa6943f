package deploy

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const kustomize = root + "/deploy/kustomize/"

// kustomized is what kustomize makes of a folder.
func kustomized(t *testing.T, name string) string {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), kustomize+name)
	require.NoError(t, err)
	text, err := made.AsYaml()
	require.NoError(t, err)
	return string(text)
}

// There is one truth: what the chart says at its defaults.
func TestBaseIsTheChart(t *testing.T) {
	v := with(t, "{setup: false, image: {repository: cambio}, ingress: {enabled: false}}")
	var out bytes.Buffer
	out.WriteString("# Written from deploy/helm/cambio: go test ./... -update in test/deploy.\n")
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	for _, document := range documents(t, mustRender(t, v)) {
		if document["kind"] == "ConfigMap" {
			continue // kustomize makes it of a file
		}
		withoutHelm(document)
		require.NoError(t, encoder.Encode(document))
	}
	require.NoError(t, encoder.Close())
	file := kustomize + "base/resources.yaml"
	if *update {
		require.NoError(t, os.WriteFile(file, out.Bytes(), 0o644))
	}
	committed, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(committed), out.String(), "run go test ./... -update in test/deploy")
}

// withoutHelm removes what only a release of Helm has.
func withoutHelm(node map[string]any) {
	for key, value := range node {
		switch below, ok := value.(map[string]any); {
		case key == "helm.sh/chart", key == "app.kubernetes.io/managed-by", key == "checksum/config":
			delete(node, key)
		case ok:
			withoutHelm(below)
			if key == "annotations" && len(below) == 0 {
				delete(node, key)
			}
		}
	}
}

func TestExample(t *testing.T) {
	all := objects(t, kustomized(t, "example"))
	set := only[*appsv1.StatefulSet](t, all)
	require.Equal(t, "sts", set.Namespace)
	require.Equal(t, int32(3), *set.Spec.Replicas)
	require.Equal(t, "registry.example.com/cambio:0.1.0", set.Spec.Template.Spec.Containers[0].Image)
	require.Equal(t, set.Spec.Template.Spec.Containers[0].Image, set.Spec.Template.Spec.InitContainers[0].Image)
	config := only[*corev1.ConfigMap](t, all)
	require.Contains(t, config.Data["cambio.yaml"], "name: Orders")
	var used string
	for _, volume := range set.Spec.Template.Spec.Volumes {
		if volume.ConfigMap != nil {
			used = volume.ConfigMap.Name
		}
	}
	require.Equal(t, config.Name, used, "with the digest of its content: a change restarts the servers")
}
