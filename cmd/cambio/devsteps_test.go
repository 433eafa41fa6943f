package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPasteable(t *testing.T) {
	program := func(path ...string) string {
		file := filepath.Join(append([]string{t.TempDir()}, path...)...)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, nil, 0o700))
		return file
	}
	installed, built := program("cambio"), program("go-build1", "b001", "exe", "cambio")
	t.Setenv("PATH", filepath.Dir(installed))
	t.Chdir(t.TempDir())
	require.Equal(t, "cambio", pasteable(installed))
	other := program("cambio")
	require.Equal(t, other, pasteable(other), "PATH finds another")
	odd := program("it's here", "cambio")
	require.Equal(t, "'"+filepath.Dir(filepath.Dir(odd))+`/it'\''s here/cambio'`, pasteable(odd))

	require.Equal(t, built, pasteable(built), "the source is elsewhere")
	require.NoError(t, os.MkdirAll("cmd/cambio", 0o700))
	require.Equal(t, "go run ./cmd/cambio", pasteable(built))
	t.Setenv("PATH", "")
	require.Equal(t, installed, pasteable(installed))
}
