package testenv

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"testing"
	"time"
)

// clientTimeout bounds one request with its answer.
const clientTimeout = 10 * time.Second

// newClient returns a client that trusts the certificates in caFile, and only
// those if there is one.
func newClient(tb testing.TB, caFile string) *http.Client {
	tb.Helper()
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     clientTimeout,
	}
	if caFile != "" {
		certificates, err := os.ReadFile(caFile) //nolint:gosec // the server under test names its CA
		if err != nil {
			tb.Fatalf("read the server's CA: %v", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(certificates) {
			tb.Fatalf("%s holds no certificate", caFile)
		}
		transport.TLSClientConfig.RootCAs = roots
	}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       clientTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
