package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadSecretFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	for content, want := range map[string]string{
		"canary": "canary", "canary\n": "canary", "canary\r\n": "canary", " canary \n\n": " canary \n", "a\nb\n": "a\nb",
		strings.Repeat("x", MaxSecretFile): strings.Repeat("x", MaxSecretFile),
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		got, err := ReadSecretFile(path)
		require.NoError(t, err)
		require.Equal(t, want, got.Reveal())
	}
}

func TestReadSecretFileRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	_, err := ReadSecretFile(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = ReadSecretFile(dir)
	require.ErrorIs(t, err, ErrSecretNotRegular)
	for content, want := range map[string]error{
		"": ErrSecretEmpty, "\n": ErrSecretEmpty, "\r\n": ErrSecretEmpty, strings.Repeat("x", MaxSecretFile+1): ErrSecretTooLarge,
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		got, err := ReadSecretFile(path)
		require.ErrorIs(t, err, want)
		require.True(t, got.Empty())
		require.NotContains(t, err.Error(), "xxx")
	}
}
