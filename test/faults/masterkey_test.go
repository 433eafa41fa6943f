package faults

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// masterKey runs a step of a change of the master key.
func (s *served) masterKey(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return cambio(t, append(append([]string{"master-key"}, args...), "--config", filepath.Join(s.dir, "cambio.yaml"))...)
}

// mustMasterKey repeats a step until nothing stands against it.
func (s *served) mustMasterKey(t *testing.T, args ...string) {
	t.Helper()
	complaint := ""
	defer func() {
		if t.Failed() {
			t.Logf("master-key %v: %s", args, complaint)
		}
	}()
	testenv.Wait(t, 3*soon, func() (done bool) {
		var code int
		code, _, complaint = s.masterKey(t, args...)
		return code == 0
	})
}

// requireRefused is a step that has to be refused, with a cause.
func (s *served) requireRefused(t *testing.T, cause string, args ...string) {
	t.Helper()
	code, _, complaint := s.masterKey(t, args...)
	require.Equal(t, 1, code, complaint)
	require.Contains(t, complaint, cause)
	require.Contains(t, complaint, "fix: ")
}

// place puts a file where another lies, all of it at once.
func place(t *testing.T, file, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file+".new", []byte(content), 0o600))
	require.NoError(t, os.Rename(file+".new", file))
}

// TestMasterKeyRotation: two processes, each with a file of its own, change to another
// master key under load, and no exchange fails. No step is done before its time.
func TestMasterKeyRotation(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{})
	f := startFleet(t, 2, redis.URL())
	first, second := f.replicas[0], f.replicas[1]
	file, copied := filepath.Join(first.dir, "master.key"), filepath.Join(second.dir, "master.key")
	distribute := func() {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		place(t, copied, string(text))
	}
	distribute()
	text, err := os.ReadFile(second.ConfigFile)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(second.ConfigFile, []byte(strings.Replace(string(text), file, copied, 1)), 0o600))
	second.Restart()
	idle := first.create(t, f.token, "idle")
	exchanges := f.exchanging(t, 32)

	first.mustMasterKey(t, "add")
	first.requireRefused(t, "master_key_not_everywhere", "activate")
	distribute()
	second.Signal(syscall.SIGHUP)
	first.mustMasterKey(t, "activate")
	first.requireRefused(t, "seal by version 1", "retire", "1")
	distribute()
	testenv.Wait(t, 3*soon, func() bool {
		_, _, complaint := first.masterKey(t, "retire", "1")
		return strings.Contains(complaint, "the digests of 1 tokens are under version 1") // the other was used
	})
	_, listed, _ := first.masterKey(t, "list", "--tokens")
	require.Regexp(t, `(?m)^2 +seals +[3-9] +1 +2 of 2$`, listed)
	require.Regexp(t, `(?m)^1 +opens +0 +1 +2 of 2$`, listed)
	require.Contains(t, listed, idle.ID)
	_, listed, _ = first.masterKey(t, "list", "--tokens", "--json")
	type row struct {
		Version int
		State   string
		Tokens  int
		Servers *int
	}
	var told struct {
		Versions []row
		Servers  int
		Tokens   []struct{ ID, Name string }
	}
	require.NoError(t, json.Unmarshal([]byte(listed), &told), listed)
	two := 2
	require.Equal(t, []row{{2, "seals", 1, &two}, {1, "opens", 1, &two}}, told.Versions)
	require.Equal(t, 2, told.Servers)
	require.Len(t, told.Tokens, 1)
	require.Equal(t, idle.ID, told.Tokens[0].ID)
	second.mint(t, idle.Token)
	first.mustMasterKey(t, "retire", "1")
	distribute()
	for _, replica := range f.replicas {
		testenv.Wait(t, soon, func() bool { return strings.Contains(replica.Stderr(), `"versions":[2],"before":[2,1]`) })
	}
	during(500 * time.Millisecond)
	samples := exchanges.stop()
	for _, one := range samples {
		require.NoError(t, one.err)
	}
	require.Equal(t, map[int]int{http.StatusOK: len(samples)}, statuses(samples))
	t.Logf("%d exchanges", len(samples))

	for _, replica := range f.replicas {
		replica.Restart()
		replica.mint(t, f.token)
		replica.mint(t, idle.Token)
	}
	kept, err := filepath.Glob(file + ".*Z")
	require.NoError(t, err)
	require.Len(t, kept, 3)
	for _, name := range append(kept, file) {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

// TestMasterKeyOfAFile: the same of an embedded store, which its server has.
func TestMasterKeyOfAFile(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "", "")
	idle := s.create(t, s.token, "idle")
	old := s.create(t, s.token, "rotated") // its secret holds on for a while
	rotated := s.json(t, http.MethodPost, pathTokens+"/"+old.ID+"/rotate", s.token, `{"gracePeriodSeconds":3600}`)
	require.Equal(t, http.StatusOK, rotated.status, rotated.body)
	s.mustMasterKey(t, "add")
	s.mustMasterKey(t, "activate")
	s.Signal(syscall.SIGHUP)
	testenv.Wait(t, 3*soon, func() bool {
		_, _, complaint := s.masterKey(t, "retire", "1")
		return strings.Contains(complaint, "the digests of 3 tokens")
	})
	s.mint(t, s.token)
	s.mint(t, idle.Token)
	s.requireRefused(t, "the digests of 1 tokens", "retire", "1")
	s.mint(t, old.Token)
	s.mint(t, rotated.member("token"))
	s.requireRefused(t, "the digests of 1 tokens", "retire", "1") // the old secret
	require.Equal(t, http.StatusNoContent, s.json(t, http.MethodDelete, pathTokens+"/"+old.ID, s.token, "").status)
	s.mustMasterKey(t, "retire", "1")
	s.Restart()
	s.mint(t, s.token)
	s.mint(t, idle.Token)
}

// TestBrokenMasterKeyIsNotTaken: whatever the file becomes, the server goes on by what
// it has, says so once, and takes the right one again.
func TestBrokenMasterKeyIsNotTaken(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "", "")
	file := filepath.Join(s.dir, "master.key")
	good, err := os.ReadFile(file)
	require.NoError(t, err)
	told := func() int { return strings.Count(s.Stderr(), "the file of the master key is not taken") }
	stranger := "1:" + strings.Repeat("QUJD", 10) + "QUI=\n"
	for n, broken := range []string{"garbage\n", stranger, strings.Replace(stranger, "1:", "2:", 1), strings.Replace(stranger, "1:", "2:", 1) + stranger} {
		place(t, file, broken)
		s.Signal(syscall.SIGHUP)
		testenv.Wait(t, soon, func() bool { return told() == n+1 })
		s.Signal(syscall.SIGHUP)
		s.mint(t, s.token)
	}
	require.NoError(t, os.Remove(file))
	testenv.Wait(t, soon, func() bool { return told() == 5 })
	place(t, file, string(good))
	s.mustMasterKey(t, "add")
	testenv.Wait(t, soon, func() bool { return strings.Contains(s.Stderr(), `"versions":[1,2],"before":[1]`) })
	require.Equal(t, 5, told())
	require.NotContains(t, s.Stderr(), stranger[2:20])
	s.mint(t, s.token)
}
