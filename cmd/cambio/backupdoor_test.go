package main

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/storage/bolt"
)

func newMaster(tb testing.TB) *keys.Master {
	tb.Helper()
	master, err := keys.ParseMaster([]byte(keys.GenerateMaster().Reveal()))
	require.NoError(tb, err)
	return master
}

func TestBackupDoor(t *testing.T) {
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	master, now := newMaster(t), time.Now()
	pass := func(master *keys.Master, made time.Time) string {
		pass, err := newPass(t.Context(), master, passBackup, made)
		require.NoError(t, err)
		return pass
	}
	sealed, err := master.Seal(t.Context(), []byte("1"), []byte("another purpose"))
	require.NoError(t, err)
	door := &backupDoor{store: store, master: master, log: zap.NewNop()}
	for name, c := range map[string]struct {
		header string
		status int
	}{
		"a pass":                   {"Bearer " + pass(master, now), http.StatusOK},
		"of this minute":           {"Bearer " + pass(master, now.Add(-passLife+5*time.Second)), http.StatusOK},
		"an old one":               {"Bearer " + pass(master, now.Add(-passLife-5*time.Second)), http.StatusUnauthorized},
		"one of tomorrow":          {"Bearer " + pass(master, now.Add(24*time.Hour)), http.StatusUnauthorized},
		"by another master key":    {"Bearer " + pass(newMaster(t), now), http.StatusUnauthorized},
		"sealed for another thing": {"Bearer " + string(sealed), http.StatusUnauthorized},
		"none":                     {"", http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, pathBackup, http.NoBody)
			request.Header.Set("Authorization", c.header)
			answer := httptest.NewRecorder()
			door.ServeHTTP(answer, request)
			require.Equal(t, c.status, answer.Code)
			require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
			if c.status == http.StatusOK {
				require.NotEmpty(t, answer.Result().Trailer.Get(trailerWhole))
				return
			}
			require.Less(t, answer.Body.Len(), 200, "nothing of the store")
		})
	}
}

// FuzzPass: nobody without the master key makes a pass.
func FuzzPass(f *testing.F) {
	master := newMaster(f)
	now := time.Now()
	good, err := newPass(f.Context(), master, passBackup, now)
	require.NoError(f, err)
	f.Add(good[:len(good)-1])
	f.Add(strings.Repeat("A", len(good)))
	f.Add("")
	f.Fuzz(func(t *testing.T, pass string) {
		if !admitted(t.Context(), master, passBackup, pass, now) {
			require.NotEqual(t, good, pass)
			return
		}
		want, err := base64.RawURLEncoding.DecodeString(good)
		require.NoError(t, err)
		got, err := base64.RawURLEncoding.DecodeString(pass)
		require.NoError(t, err)
		require.Equal(t, want, got, "it is that one, however it is written")
	})
}
