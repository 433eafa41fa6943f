package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// schemas are the schema of CycloneDX 1.6 and those that it names.
var schemas = map[string]string{
	"http://cyclonedx.org/schema/bom-1.6.schema.json":  "bom-1.6.schema.json",
	"http://cyclonedx.org/schema/spdx.schema.json":     "spdx.schema.json",
	"http://cyclonedx.org/schema/jsf-0.82.schema.json": "jsf-0.82.schemax.json",
}

// TestBillOfMaterials holds that of a release against the schema, which is read from
// the module of CycloneDX, and reads it as that does.
func TestBillOfMaterials(t *testing.T) {
	out := t.TempDir()
	command := exec.CommandContext(t.Context(), "go", "run", "./cmd/dist", "-out", out, "-targets", "linux/amd64", "-modified")
	command.Dir = root
	printed, err := command.CombinedOutput()
	require.NoError(t, err, "%s", printed)
	files, err := filepath.Glob(filepath.Join(out, "*.cdx.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)

	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	for url, name := range schemas {
		schema, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "schema", name))
		require.NoError(t, err)
		document, err := jsonschema.UnmarshalJSON(schema)
		require.NoError(t, err)
		require.NoError(t, schema.Close())
		require.NoError(t, compiler.AddResource(url, document))
	}
	schema, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(document))
	broken, err := jsonschema.UnmarshalJSON(bytes.NewReader(bytes.Replace(text, []byte(`"library"`), []byte(`"book"`), 1)))
	require.NoError(t, err)
	require.Error(t, schema.Validate(broken), "the schema tells")

	var bill cyclonedx.BOM
	require.NoError(t, cyclonedx.NewBOMDecoder(bytes.NewReader(text), cyclonedx.BOMFileFormatJSON).Decode(&bill))
	require.Equal(t, "github.com/cambio-sts/cambio", bill.Metadata.Component.Name)
	require.Greater(t, len(*bill.Components), 50)
}
