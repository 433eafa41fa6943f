//go:build linux

package faults

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// smallDisk is a folder with so much room, on a file system of its own.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+strconv.Itoa(bytes)); err != nil {
		testenv.Lack(t, "only root makes a small disk: "+err.Error())
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// fillDisk takes all the room of a disk; the result gives it back.
func fillDisk(t *testing.T, dir string) (release func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	file, err := os.Create(path)
	require.NoError(t, err)
	chunk := make([]byte, 4096)
	for err == nil {
		_, err = file.Write(chunk)
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, file.Close())
	return func() { require.NoError(t, os.Remove(path)) }
}

// TestDiskIsFull (A103): without room changes are refused and exchanges go on;
// with room again the same process takes them.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, 4<<20)
	server := serve(t, t.TempDir(), "bolt:"+filepath.Join(disk, "cambio.db"), "")
	live, doomed := server.create(t, server.token, "live"), server.create(t, server.token, "doomed")
	release := fillDisk(t, disk)
	refused := false
	for i := range 200 { // free pages of the file are used first
		got := server.json(t, http.MethodPost, pathTokens, server.token, draft(strconv.Itoa(i)+strings.Repeat("y", 200)))
		if got.status == http.StatusServiceUnavailable {
			require.NotEmpty(t, got.header.Get("Retry-After"))
			refused = true
			break
		}
		require.Equal(t, http.StatusOK, got.status, got.body)
	}
	require.True(t, refused)
	for range 20 {
		server.mint(t, live.Token)
	}
	got := server.json(t, http.MethodPost, pathTokens+"/"+doomed.ID+"/revoke", server.token, "")
	if got.status != http.StatusOK { // there may be a free page for it
		require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
	}
	release()
	server.create(t, server.token, "after")
	require.Equal(t, http.StatusOK, server.json(t, http.MethodPost, pathTokens+"/"+doomed.ID+"/revoke", server.token, "").status)
	server.requireDenied(t, doomed.Token, "revoked")
	server.Restart()
	server.mint(t, live.Token)
	server.requireDenied(t, doomed.Token, "revoked")
}

// TestRedisDiskIsFull (A094): a Redis that cannot write its file any more is
// trouble, not a reason to decide.
func TestRedisDiskIsFull(t *testing.T) {
	disk := smallDisk(t, 2<<20)
	redis := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--dir", disk}})
	server := testenv.Dev(t, "--redis", redis.URL())
	d := devDoor(server)
	release := fillDisk(t, disk)
	testenv.Wait(t, 2*soon, func() bool {
		got, err := d.try(t, http.MethodPost, pathTokens, draft("none"), bearer(bobOf(server).Token), header("Content-Type", "application/json"))
		return err == nil && got.status == http.StatusServiceUnavailable
	})
	testenv.Wait(t, soon, func() bool { return d.ready(t).status == http.StatusServiceUnavailable })
	require.True(t, d.exchange(t, server.Info.Users.Alice.PAT.Token).unavailable())
	require.Equal(t, http.StatusOK, d.get(t, pathJWKS).status)
	release()
	testenv.Wait(t, soon, func() bool { return d.ready(t).status == http.StatusOK })
	d.mint(t, server.Info.Users.Alice.PAT.Token)
}

// TestTLSToRedis (A096): a Redis that proves nothing is not used, and never
// without TLS instead.
func TestTLSToRedis(t *testing.T) {
	t.Parallel()
	plain := testenv.Redis(t, testenv.RedisOptions{})
	nobodys := testenv.NewCertificate(t, "127.0.0.1")
	port := strconv.Itoa(testenv.FreePort(t))
	testenv.Redis(t, testenv.RedisOptions{Args: []string{"--tls-port", port, "--tls-cert-file", nobodys.CertFile, "--tls-key-file", nobodys.KeyFile, "--tls-auth-clients", "no"}})
	for name, addr := range map[string]string{"plaintext": plain.Addr(), "a certificate of nobody": "127.0.0.1:" + port} {
		seen := watch(t, plain)
		dir := t.TempDir()
		file := filepath.Join(dir, "cambio.yaml")
		run(t, "init", "--config", filepath.Join(dir, "other.yaml"), "--issuer", "https://sts.example.com")
		text := "issuer: http://127.0.0.1:1\nstore: {url: \"rediss://" + addr + "\"}\nmasterKey: {file: master.key}\n"
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		code, _, complaint := cambio(t, "serve", "--config", file)
		require.NotZero(t, code, name)
		require.Contains(t, complaint, "begin a session with redis", name)
		seen.settle(t, plain)
		require.Empty(t, seen.find("cambio"), name)
	}
}
