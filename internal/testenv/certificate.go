package testenv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Certificate is one that vouches for itself, in files: of it, and of its ECDSA P-256 key.
type Certificate struct {
	CertFile, KeyFile string // PEM; tls.crt and tls.key

	host    string
	private *ecdsa.PrivateKey
}

// NewCertificate makes a certificate for a host, a name or an IP address, that lives for
// 90 days.
func NewCertificate(tb testing.TB, host string) *Certificate {
	tb.Helper()
	dir := tb.TempDir()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(tb, err)
	c := &Certificate{CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key"), host: host, private: private}
	writePEM(tb, c.KeyFile, "PRIVATE KEY", der)
	c.Renew(tb, 90*24*time.Hour)
	return c
}

// Renew puts another certificate of the same key in its place, which lives for so long
// from now, or has been expired for so long.
func (c *Certificate) Renew(tb testing.TB, life time.Duration) {
	tb.Helper()
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: c.host},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if ip := net.ParseIP(c.host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{c.host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, c.private.Public(), c.private)
	require.NoError(tb, err)
	writePEM(tb, c.CertFile, "CERTIFICATE", der)
}

func writePEM(tb testing.TB, path, kind string, der []byte) {
	tb.Helper()
	require.NoError(tb, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}
