package faults

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestSecondProcess (A104): a file has one process.
func TestSecondProcess(t *testing.T) {
	server := serve(t, t.TempDir(), "", "")
	began := time.Now()
	code, stdout, complaint := cambio(t, "serve", "--config", server.ConfigFile, "--listen-addr", "127.0.0.1:0")
	require.Less(t, time.Since(began), 2*time.Second)
	require.NotZero(t, code)
	require.Empty(t, stdout)
	require.Contains(t, complaint, "another cambio")
	server.mint(t, server.token)
}

// TestDamagedFile (A105): a file that is not what it was is not opened, nor
// written over.
func TestDamagedFile(t *testing.T) {
	server := serve(t, t.TempDir(), "", "")
	server.create(t, server.token, "another")
	server.Stop()
	path := filepath.Join(server.dir, "cambio.db")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	page := os.Getpagesize()
	const endAt = 56 // where a meta page says how many pages are in use
	first, second := whole[endAt:], whole[page+endAt:]
	used := max(binary.NativeEndian.Uint64(first), binary.NativeEndian.Uint64(second))
	flipped := func(at int) []byte {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0xff
		return damaged
	}
	for name, damaged := range map[string][]byte{
		"empty":            {},
		"one page":         whole[:page],
		"truncated":        whole[:int(used-1)*page],
		"first meta page":  flipped(64),
		"second meta page": flipped(page + 64),
		"something else":   bytes.Repeat([]byte("text\n"), page),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, damaged, 0o600))
			for _, verb := range []string{"serve", "init"} {
				code, _, complaint := cambio(t, verb, "--config", server.ConfigFile)
				require.NotZero(t, code, verb)
				require.Contains(t, complaint, "cambio.db", verb)
				require.Contains(t, complaint, "restore a backup", verb)
				after, err := os.ReadFile(path)
				require.NoError(t, err)
				require.True(t, bytes.Equal(damaged, after), verb)
			}
		})
	}
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	server.Restart()
	server.mint(t, server.token)
}

// TestInitInterrupted: a master key stays as soon as there may be something under
// it, and the next init goes on with it; one that seals nothing does not stay.
func TestInitInterrupted(t *testing.T) {
	t.Parallel()
	redis := testenv.Redis(t, testenv.RedisOptions{})
	allow := func(keys ...string) {
		redis.MustDo(append([]string{"ACL", "SETUSER", "cambio", "reset", "on", ">pw", "+@all"}, keys...)...)
	}
	dir := t.TempDir()
	file, master := filepath.Join(dir, "cambio.yaml"), filepath.Join(dir, "master.key")
	password := filepath.Join(dir, "password")
	require.NoError(t, os.WriteFile(password, []byte("pw"), 0o600))
	text := "issuer: http://127.0.0.1:1\nstore: {url: \"redis://cambio@" + redis.Addr() + "\", passwordFile: \"" + password + "\"}\nmasterKey: {file: \"" + master + "\"}\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))

	allow() // no key at all: nothing can be prepared, but who knows
	code, _, _ := cambio(t, "init", "--config", file)
	require.Equal(t, 1, code)
	allow("~cambio:{cfg}:import", "~cambio:{cfg}:format", "~cambio:{cfg}:keys", "~cambio:{cfg}:epoch", "~cambio:{cfg}:audit*")
	code, _, complaint := cambio(t, "init", "--config", file)
	require.Equal(t, 1, code, complaint)
	sealed, err := os.ReadFile(master)
	require.NoError(t, err, "the signing keys lie in the store under it")
	allow("~*")
	run(t, "init", "--config", file)
	after, err := os.ReadFile(master)
	require.NoError(t, err)
	require.Equal(t, sealed, after)

	require.NoError(t, os.Remove(master))
	code, _, complaint = cambio(t, "init", "--config", file)
	require.Equal(t, 1, code)
	require.Contains(t, complaint, "wrong_master_key")
	require.NoFileExists(t, master)
}

// TestWrongMasterKey (A075): with another master key nothing starts, and nothing
// is made.
func TestWrongMasterKey(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]string{"bolt": "", "redis": testenv.Redis(t, testenv.RedisOptions{}).URL()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, t.TempDir(), store, "")
			keys := server.get(t, pathJWKS).body
			server.Stop()
			file := filepath.Join(server.dir, "master.key")
			right, err := os.ReadFile(file)
			require.NoError(t, err)
			other := t.TempDir()
			run(t, "init", "--config", filepath.Join(other, "cambio.yaml"), "--issuer", "https://sts.example.com")
			wrong, err := os.ReadFile(filepath.Join(other, "master.key"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, wrong, 0o600))
			for _, verb := range []string{"serve", "init"} {
				code, _, complaint := cambio(t, verb, "--config", server.ConfigFile)
				require.Equal(t, 1, code, verb)
				require.Contains(t, complaint, "wrong_master_key", verb)
				require.Contains(t, complaint, "fix:", verb)
			}
			require.NoError(t, os.WriteFile(file, right, 0o600))
			server.Restart()
			server.mint(t, server.token)
			require.JSONEq(t, keys, server.get(t, pathJWKS).body)
		})
	}
}
