package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/cli"
)

func TestCatalogues(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "fr.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	all, err := catalogues([]string{write(`{"locale":"fr","texts":{"message.not_found":"Introuvable."}}`)})
	require.NoError(t, err)
	require.Len(t, all, 1)
	for _, path := range []string{write(`{"locale":"fr","texts":{"message.not_found":"%s"}}`), filepath.Join(t.TempDir(), "none.json")} {
		_, err := catalogues([]string{path})
		var refused *cli.Error
		require.ErrorAs(t, err, &refused)
		require.Contains(t, refused.Cause, path, "which file")
		require.Equal(t, cli.ExitRefused, refused.Exit)
	}
}
