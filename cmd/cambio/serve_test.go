package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/keys"
)

// A Redis that can lose a revocation is refused with what to set in it.
func TestServeNeedsADurableRedis(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--appendonly", "no"}})
	dir := t.TempDir()
	file := filepath.Join(dir, "cambio.yaml")
	text := "issuer: https://sts.example.com\nstore: { url: \"" + redis.URL() + "\" }\nmasterKey: { file: master.key }\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "master.key"), []byte(keys.GenerateMaster().Reveal()), 0o600))
	serve := testenv.Start(t, nil, testenv.Binary(t), "serve", "--config", file)
	require.Equal(t, 1, serve.ExitCode())
	require.Equal(t, "error: store_policy\n  cause: redis: appendonly is \"no\"\n  fix: set \"appendonly yes\", or revocations are lost with the process\n", serve.Stderr())
}
