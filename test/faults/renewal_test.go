package faults

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
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

// TestCertificateIsReadAgain: a renewed certificate serves who connects from then on,
// and nobody who is connected notices. One that is of no use is not taken.
func TestCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certs := map[string]string{} // content → key
	var order []string
	pool := x509.NewCertPool()
	for range 3 {
		made := testenv.NewCertificate(t, "127.0.0.1")
		text, err := os.ReadFile(made.CertFile)
		require.NoError(t, err)
		private, err := os.ReadFile(made.KeyFile)
		require.NoError(t, err)
		require.True(t, pool.AppendCertsFromPEM(text))
		certs[string(text)], order = string(private), append(order, string(text))
	}
	cert, key, ca := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), filepath.Join(dir, "ca.crt")
	place(t, cert, order[0])
	place(t, key, certs[order[0]])
	place(t, ca, strings.Join(order, ""))

	addr := "127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))
	text := fmt.Sprintf(config, addr, "bolt:"+filepath.Join(dir, "cambio.db"), dir, "")
	text = strings.Replace(text, "issuer: http:", "issuer: https:", 1)
	text = strings.Replace(text, `adminAddr: ""`, fmt.Sprintf(`adminAddr: "", tlsCert: %q, tlsKey: %q`, cert, key), 1)
	file := filepath.Join(dir, "cambio.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	run(t, "init", "--config", file)
	server := testenv.Serve(t, testenv.ServeOptions{Config: text, URL: "https://" + addr, CAFile: ca})

	client := func(reuse bool) func() string {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: !reuse}
		t.Cleanup(transport.CloseIdleConnections)
		return func() string {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/livez", http.NoBody)
			require.NoError(t, err)
			answer, err := transport.RoundTrip(request)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, answer.Body) // or the connection is given up
			require.NoError(t, errors.Join(err, answer.Body.Close()))
			require.Equal(t, http.StatusOK, answer.StatusCode)
			return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: answer.TLS.PeerCertificates[0].Raw}))
		}
	}
	connected, anew := client(true), client(false)
	require.Equal(t, order[0], connected())
	require.Equal(t, order[0], anew())

	place(t, cert, order[1]) // the key comes later
	warned := func() int { return strings.Count(server.Stderr(), "the new certificate is not taken") }
	testenv.Wait(t, soon, func() bool { return warned() == 1 })
	require.Equal(t, order[0], anew())
	place(t, key, certs[order[1]])
	require.Equal(t, order[1], anew(), "with the next connection")
	testenv.Wait(t, soon, func() bool { return strings.Contains(server.Stderr(), "certificate read again") })
	require.Equal(t, order[0], connected(), "it was not ended")

	place(t, cert, "no certificate")
	testenv.Wait(t, soon, func() bool { return warned() == 2 })
	require.NoError(t, os.Remove(key))
	server.Signal(syscall.SIGHUP)
	testenv.Wait(t, soon, func() bool { return warned() == 3 })
	require.Equal(t, order[1], anew())
	place(t, key, certs[order[2]])
	place(t, cert, order[2])
	server.Signal(syscall.SIGHUP)
	require.Equal(t, order[2], anew())
	require.Equal(t, order[0], connected())
}

// TestAuthoritiesOfRedisAreReadAgain: Redis gets a certificate of another authority, the
// server follows its store.caFile without a restart, and no exchange fails. What is no
// file of authorities is not taken, and whom the file does not name is not connected to.
func TestAuthoritiesOfRedisAreReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	read := func(file string) string {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(text)
	}
	now, next := testenv.NewCertificate(t, "127.0.0.1"), testenv.NewCertificate(t, "127.0.0.1")
	ca := filepath.Join(dir, "redis-ca.pem")
	place(t, ca, read(now.CertFile))
	port := strconv.Itoa(testenv.FreePort(t))
	redis := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--tls-port", port, "--tls-cert-file", now.CertFile, "--tls-key-file", now.KeyFile, "--tls-auth-clients", "no"}})
	s := serve(t, dir, "rediss://127.0.0.1:"+port+`", caFile: "`+ca, "")
	s.mint(t, s.token)
	cut := func() { redis.MustDo("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") }
	served := func() bool { return s.exchange(t, s.token).status == http.StatusOK }
	told := func(what string) func() bool { return func() bool { return strings.Contains(s.Stderr(), what) } }

	place(t, ca, "no certificate")
	testenv.Wait(t, soon, told("the new authorities of the store are not taken"))
	cut()
	testenv.Wait(t, soon, served)
	place(t, ca, read(now.CertFile)+read(next.CertFile))
	testenv.Wait(t, soon, told("authorities of the store read again"))
	redis.MustDo("CONFIG", "SET", "tls-cert-file", next.CertFile, "tls-key-file", next.KeyFile)
	require.True(t, served(), "what is connected stays")
	cut()
	testenv.Wait(t, soon, served)

	place(t, ca, read(now.CertFile)) // of which the servers have no certificate any more
	s.Signal(syscall.SIGHUP)
	testenv.Wait(t, soon, func() bool { return strings.Count(s.Stderr(), "authorities of the store read again") == 2 })
	require.True(t, served(), "what is connected stays")
	cut()
	testenv.Wait(t, soon, func() bool { return !served() })
	place(t, ca, read(next.CertFile))
	testenv.Wait(t, soon, served)
}
