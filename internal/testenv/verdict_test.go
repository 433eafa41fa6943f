package testenv_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// verdict is a test within a test: it records how it ends and runs its cleanup
// when told.
type verdict struct {
	testing.TB

	is       string
	cleanups []func()
}

func (v *verdict) Skipf(string, ...any) {
	v.is = "skipped"
	runtime.Goexit()
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.Errorf(format, args...)
	runtime.Goexit()
}

func (v *verdict) Errorf(format string, args ...any) {
	v.is = "failed"
	v.Logf(format, args...)
}

func (v *verdict) Failed() bool { return v.is == "failed" }

func (v *verdict) Cleanup(cleanup func()) { v.cleanups = append(v.cleanups, cleanup) }

func (v *verdict) cleanup() {
	for _, cleanup := range slices.Backward(v.cleanups) {
		cleanup()
	}
}

// within runs what may end its goroutine.
func within(run func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	<-done
}

// tlsServer answers 200 at /readyz and redirects otherwise. It returns its URL
// and the file of its certificate.
func tlsServer(t *testing.T) (url, caFile string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
	}))
	t.Cleanup(server.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(caFile, block, 0o600))
	return server.URL, caFile
}
