package faults

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// earlier is a store as an earlier version left it, commit 0b470af, after it made these
// tokens, ended some of them, and gave a person a group and a role. Its secrets are of
// no other use. To see to it that the form of a store does not change unnoticed, these
// are never made anew: what a later version adds gets files of its own.
type earlier struct {
	Admin     string `json:"admin"`
	Kept      string `json:"kept"`
	Revoked   string `json:"revoked"` // as compromised
	Unused    string `json:"unused"`  // revoked as that
	Rotated   string `json:"rotated"` // its new secret
	Deleted   string `json:"deleted"`
	MasterKey string `json:"master_key"`
}

// recorded reads what was recorded, and its store.
func recorded(t *testing.T, facts, store string) (e earlier, content []byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "earlier", facts))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &e))
	file, err := os.Open(filepath.Join("testdata", "earlier", store))
	require.NoError(t, err)
	packed, err := gzip.NewReader(file)
	require.NoError(t, err)
	content, err = io.ReadAll(packed)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return e, content
}

// serve starts a server on the store, without init or bootstrap.
func (e *earlier) serve(t *testing.T, dir, store string) *served {
	t.Helper()
	place(t, filepath.Join(dir, "master.key"), e.MasterKey)
	addr := "127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))
	text := fmt.Sprintf(config, addr, store, dir, "127.0.0.1:"+strconv.Itoa(testenv.FreePort(t)))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cambio.yaml"), []byte(text), 0o600))
	server := testenv.Serve(t, testenv.ServeOptions{Config: text, URL: "http://" + addr})
	return &served{ServeServer: server, door: door{"http://" + addr, server.Client()}, dir: dir, token: e.Admin}
}

// require proves that all of it is there, works, and can be changed.
func (e *earlier) require(t *testing.T, s *served) {
	t.Helper()
	for _, live := range []string{e.Admin, e.Kept, e.Rotated} {
		s.mint(t, live)
	}
	s.requireDenied(t, e.Revoked, "revoked")
	s.requireDenied(t, e.Unused, "revoked")
	s.requireDenied(t, e.Deleted, "")
	list := s.get(t, pathTokens+"?owner-id=me", bearer(e.Admin))
	require.Equal(t, http.StatusOK, list.status, list.body)
	var tokens []struct{ Name, Description string }
	require.NoError(t, json.Unmarshal([]byte(list.body), &tokens))
	require.Len(t, tokens, 5)
	require.Contains(t, list.body, "made by an earlier version")
	groups := s.get(t, "/api/v1/groups?filters="+url.QueryEscape(`name eq "clerks"`), bearer(e.Admin))
	require.Equal(t, http.StatusOK, groups.status, groups.body)
	var clerks []struct{ ID string }
	require.NoError(t, json.Unmarshal([]byte(groups.body), &clerks))
	require.Len(t, clerks, 1)
	members := s.get(t, "/api/v1/groups/"+clerks[0].ID+"/members", bearer(e.Admin))
	require.Contains(t, members.body, "carol")

	made := s.create(t, e.Admin, "new")
	require.Equal(t, http.StatusOK, s.send(t, http.MethodPost, pathRevoke, encode("token", e.Kept), header("Content-Type", formType)).status)
	s.Restart()
	s.mint(t, made.Token)
	for _, ended := range []string{e.Kept, e.Revoked, e.Unused} {
		s.requireDenied(t, ended, "revoked")
	}
}

// TestFileOfAnEarlierVersion: this one opens it, and goes on with it.
func TestFileOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	e, content := recorded(t, "file.json", "file.db.gz")
	dir := t.TempDir()
	file := filepath.Join(dir, "cambio.db")
	require.NoError(t, os.WriteFile(file, content, 0o600))
	e.require(t, e.serve(t, dir, "bolt:"+file))
}

// TestRedisOfAnEarlierVersion: likewise.
func TestRedisOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	e, content := recorded(t, "redis.json", "redis.json.gz")
	var commands [][][]byte
	require.NoError(t, json.Unmarshal(content, &commands))
	redis := testenv.Redis(t, testenv.RedisOptions{})
	for _, command := range commands {
		args := make([]string, len(command))
		for i, arg := range command {
			args[i] = string(arg)
		}
		redis.MustDo(args...)
	}
	e.require(t, e.serve(t, t.TempDir(), redis.URL()))
}

// TestStoreOfALaterVersion: a layout that this version does not know is refused, with
// the way out.
func TestStoreOfALaterVersion(t *testing.T) {
	t.Parallel()
	redis := testenv.Redis(t, testenv.RedisOptions{})
	s := serve(t, t.TempDir(), redis.URL(), "")
	s.Stop()
	redis.MustDo("HSET", "cambio:{cfg}:format", "version", "2")
	for _, command := range []string{"serve", "init"} {
		code, _, complaint := cambio(t, command, "--config", s.ConfigFile)
		require.Equal(t, 1, code)
		require.Contains(t, complaint, "store_format")
		require.Contains(t, complaint, `its layout has version "2"`)
		require.Contains(t, complaint, "fix: run the version of cambio that wrote it")
	}
	redis.MustDo("DEL", "cambio:{cfg}:format")
	s.Restart()
	s.mint(t, s.token)
}
