package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/cli"
)

// trail writes an audit trail of a few lines and returns its folder.
func trail(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "audit")
	sink, err := audit.OpenSink(audit.Config{Dir: dir, Now: time.Now})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- sink.Run(ctx) }()
	for range 3 {
		require.NoError(t, sink.Record(audit.Event{Name: audit.TokenUsed, Outcome: audit.Success}))
	}
	cancel()
	require.NoError(t, <-done)
	return dir
}

func TestAuditVerify(t *testing.T) {
	dir := trail(t)
	got := run{args: []string{"audit", "verify", "--dir", dir}}.do(t)
	require.Equal(t, cli.ExitDone, got.exit, got.stderr)
	require.Equal(t, "lines: 4, writers: 1, whole\n", got.stdout)

	got = run{args: []string{"audit", "verify", "-o", "json"}, env: map[string]string{"CAMBIO_AUDIT_DIR": dir}}.do(t)
	require.Equal(t, cli.ExitDone, got.exit)
	require.JSONEq(t, `{"dir":"`+dir+`","whole":true,"writers":1,"lines":4,"problems":[],"notes":[]}`, got.stdout)

	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	require.NoError(t, err)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(files[0], bytes.Replace(text, []byte("success"), []byte("failure"), 1), 0o600))
	got = run{args: []string{"audit", "verify", "--dir", dir}}.do(t)
	require.Equal(t, cli.ExitRefused, got.exit)
	require.Contains(t, got.stdout, "problem")
	require.Contains(t, got.stderr, "error: audit_broken\n")

	got = run{args: []string{"audit", "verify", "--dir", dir, "-o", "json"}}.do(t)
	require.Equal(t, cli.ExitRefused, got.exit)
	var found struct {
		Whole    bool
		Problems []struct {
			File, Cause string
			Line        int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &found))
	require.False(t, found.Whole)
	require.Equal(t, filepath.Base(files[0]), found.Problems[0].File)

	got = run{args: []string{"audit", "verify", "--dir", t.TempDir()}}.do(t)
	require.Equal(t, cli.ExitRefused, got.exit)
	require.Contains(t, got.stderr, "error: audit_empty\n")

	got = run{args: []string{"audit", "verify", "--dir", filepath.Join(dir, "none")}}.do(t)
	require.Equal(t, cli.ExitUsage, got.exit)
	require.Contains(t, got.stderr, "error: audit_unreadable\n")
}

func TestAuditVerifyNotes(t *testing.T) {
	dir := trail(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	require.NoError(t, err)
	file, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(`{"torn`)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	got := run{args: []string{"audit", "verify", "--dir", dir}}.do(t)
	require.Contains(t, got.stdout, filepath.Base(files[0]))
}

func TestVersion(t *testing.T) {
	got := run{args: []string{"version", "-o", "json"}}.do(t)
	require.Equal(t, cli.ExitDone, got.exit)
	var b struct{ Version, Go string }
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &b))
	require.NotEmpty(t, b.Version)
	require.NotEmpty(t, b.Go)
	got = run{args: []string{"version"}}.do(t)
	require.Contains(t, got.stdout, "version  "+b.Version+"\n")
}
