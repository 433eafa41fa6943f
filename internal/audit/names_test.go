package audit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
)

// Every constant of type Name in this package is listed, once.
func TestNamesAreAllThereAre(t *testing.T) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	var declared []audit.Name
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Name" {
				return true
			}
			for _, value := range spec.Values {
				literal, ok := value.(*ast.BasicLit)
				require.True(t, ok, "%v is no literal", spec.Names)
				name, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				declared = append(declared, audit.Name(name))
			}
			return true
		})
	}
	require.ElementsMatch(t, declared, audit.Names())
	require.Contains(t, declared, audit.TokenCreated, "the constants were found")
}
