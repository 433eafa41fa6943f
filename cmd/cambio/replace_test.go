package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReplaceFile(t *testing.T) {
	folder, now := t.TempDir(), time.Date(2026, 11, 26, 12, 0, 0, 5e6, time.UTC)
	file, link := filepath.Join(folder, "master.key"), filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	require.NoError(t, os.Chmod(file, 0o640))
	require.NoError(t, os.Symlink(file, link))

	_, err := replaceFile(file, "new", []byte("older"), now)
	require.ErrorContains(t, err, "was changed meanwhile")
	_, err = replaceFile(filepath.Join(folder, "none"), "new", nil, now)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, map[string]string{"master.key": "old"}, filesOf(t, folder))

	kept, err := replaceFile(link, "new", []byte("old"), now)
	require.NoError(t, err)
	require.Equal(t, "master.key.20261126T120000.005Z", filepath.Base(kept))
	require.Equal(t, map[string]string{"master.key": "new", filepath.Base(kept): "old"}, filesOf(t, folder))
	if runtime.GOOS != "windows" {
		for _, name := range []string{file, kept} {
			info, err := os.Stat(name)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o640), info.Mode().Perm(), name)
		}
	}

	_, err = replaceFile(file, "newest", []byte("new"), now)
	require.ErrorIs(t, err, os.ErrExist, "what was kept is not written over")
	require.Equal(t, map[string]string{"master.key": "new", filepath.Base(kept): "old"}, filesOf(t, folder))
}

func filesOf(t *testing.T, folder string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	found := map[string]string{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		require.NoError(t, err)
		found[entry.Name()] = string(text)
	}
	return found
}
