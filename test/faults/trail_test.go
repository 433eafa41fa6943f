package faults

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestAuditFolderGone (A122): without a place for its audit trail a server goes
// on for as long as it can keep the events, says that it is not ready, and
// writes them down once the folder is back. In full it is kept away until no
// more events fit, and then exchanges are refused.
func TestAuditFolderGone(t *testing.T) {
	t.Parallel()
	server := serve(t, t.TempDir(), "", "")
	before := server.create(t, server.token, "before")
	requireCount(t, server.auditDir(), "CREATED", before.ID, 1)
	doomed := server.create(t, server.token, "doomed")
	away := filepath.Join(server.dir, "away")
	require.NoError(t, os.Rename(server.auditDir(), away))

	during1 := server.create(t, server.token, "during")
	server.mint(t, during1.Token)
	require.Equal(t, http.StatusOK, server.json(t, http.MethodPost, pathTokens+"/"+before.ID+"/revoke", server.token, "").status)
	testenv.Wait(t, soon, func() bool {
		got := server.ready(t)
		return got.status == http.StatusServiceUnavailable && strings.Contains(got.body, `"audit"`)
	})
	extra := 0
	if testenv.Full() {
		extra = server.fill(t, during1.Token)
		require.Equal(t, http.StatusOK, server.form(t, pathRevoke, "token", doomed.Token).status, "a revocation by its holder is no use")
		require.Equal(t, http.StatusServiceUnavailable, server.json(t, http.MethodPost, pathTokens, server.token, draft("not this")).status)
	}

	require.NoError(t, os.Rename(away, server.auditDir()))
	testenv.Wait(t, 3*soon, func() bool { return server.ready(t).status == http.StatusOK })
	requireCount(t, server.auditDir(), "CREATED", during1.ID, 1)
	requireCount(t, server.auditDir(), "REVOKED", before.ID, 1)
	requireCount(t, server.auditDir(), "USED", during1.ID, 1+extra)
	server.mint(t, during1.Token)
	server.Stop()
	requireWholeTrail(t, server.auditDir())
}

// fill exchanges until no more events fit, and returns how often that succeeded.
func (s *served) fill(t *testing.T, token string) int {
	t.Helper()
	succeeded := 0
	for {
		load := startLoad(32, func(int) (answer, error) { return s.tryExchange(t, token) })
		during(keyPoll)
		refused := 0
		for _, sample := range load.stop() {
			require.NoError(t, sample.err)
			if sample.status == http.StatusOK {
				succeeded++
				continue
			}
			require.True(t, sample.unavailable(), sample.body)
			refused++
		}
		if refused > 0 {
			return succeeded
		}
		require.Less(t, succeeded, 200_000)
	}
}

// TestEditedTrail (A123): the verifier names the line that was edited or taken
// out.
func TestEditedTrail(t *testing.T) {
	server := testenv.Dev(t, "--data-dir", t.TempDir())
	d, dir := devDoor(server), filepath.Join(server.Info.DataDir, "audit")
	for range 5 {
		d.mint(t, bobOf(server).Token)
	}
	server.Stop()
	requireWholeTrail(t, dir)
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	whole, err := os.ReadFile(files[0])
	require.NoError(t, err)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	require.Greater(t, len(lines), 6)
	join := func(parts ...[][]byte) []byte {
		var all []byte
		for _, part := range parts {
			all = append(all, bytes.Join(part, nil)...)
		}
		return all
	}
	for name, c := range map[string]struct {
		text         []byte
		place, cause string
	}{
		"edited":    {join(lines[:2], [][]byte{bytes.Replace(lines[2], []byte(`"success"`), []byte(`"failure"`), 1)}, lines[3:]), ", line 3: ", "edited"},
		"taken out": {join(lines[:2], lines[3:]), ", line 3: ", "missing"},
		"moved":     {join(lines[:2], lines[3:4], lines[2:3], lines[4:]), ", line 3: ", "reordered"},
		"cut off":   {join(lines[:3]), "", "truncated"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, whole, c.text)
			require.NoError(t, os.WriteFile(files[0], c.text, 0o600))
			code, stdout, complaint := cambio(t, "audit", "verify", "--dir", dir)
			require.Equal(t, 1, code)
			said := stdout + complaint
			require.Contains(t, said, filepath.Base(files[0])+c.place)
			require.Contains(t, said, c.cause)
		})
	}
}
