package testenv

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestScratchIsRemovedWithItsHolder(t *testing.T) {
	made, err := newScratch()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(made.dir, "file"), nil, 0o600))
	require.NoError(t, made.hold.Close()) // as the end of the process does
	Wait(t, 10*time.Second, func() bool {
		_, err := os.Stat(made.dir)
		return os.IsNotExist(err)
	})
}

func TestModuleRoot(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(root, "internal", "testenv", "doc.go"))

	t.Chdir(t.TempDir())
	_, err = moduleRoot()
	require.Error(t, err)
}

func TestBuildInto(t *testing.T) {
	root, built := t.TempDir(), t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "cmd", "cambio", "below"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte("module "+modulePath+"\n\ngo 1.26\n"), 0o600))
	main := filepath.Join(root, "cmd", "cambio", "main.go")
	require.NoError(t, os.WriteFile(main, []byte("package main\n\nfunc main() {}\n"), 0o600))
	t.Chdir(filepath.Join(root, "cmd", "cambio", "below"))

	require.NoError(t, buildInto(built))
	info, err := os.Stat(filepath.Join(built, "cambio"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o100, "it can be run")

	require.NoError(t, os.WriteFile(main, []byte("package main\n\nfunc main() { nothing() }\n"), 0o600))
	require.ErrorContains(t, buildInto(built), "undefined: nothing")
}
