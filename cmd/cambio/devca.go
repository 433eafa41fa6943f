package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	devCAFile   = "ca.pem"
	devCALife   = 10 * 365 * 24 * time.Hour
	devCertLife = 90 * 24 * time.Hour
)

// devCertificate returns a certificate for loopback by the folder's own CA, and the
// CA's file. The CA and its key are one file made once, so that replicas that
// share the folder share the CA.
func devCertificate(dir string) (*tls.Config, string, error) {
	pair := filepath.Join(dir, "ca.key.pem")
	text, err := newDevCA()
	if err != nil {
		return nil, "", err
	}
	if _, err := writeOnce(pair, text); err != nil {
		return nil, "", err
	}
	ca, err := tls.LoadX509KeyPair(pair, pair)
	if err != nil {
		return nil, "", fmt.Errorf("read the CA: %w", err)
	}
	file := filepath.Join(dir, devCAFile)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate[0]})
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		return nil, "", fmt.Errorf("write the CA: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	leaf := certificateTemplate("localhost", devCertLife)
	leaf.DNSNames = []string{"localhost"}
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca.Leaf, key.Public(), ca.PrivateKey)
	if err != nil {
		return nil, "", fmt.Errorf("sign a certificate: %w", err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der, ca.Certificate[0]}, PrivateKey: key}},
	}, file, nil
}

// newDevCA is a CA certificate with its key, as PEM.
func newDevCA() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	ca := certificateTemplate("Cambio development CA", devCALife)
	ca.IsCA, ca.BasicConstraintsValid, ca.MaxPathLenZero = true, true, true
	ca.KeyUsage |= x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		return "", fmt.Errorf("make a CA: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})), nil
}

func certificateTemplate(name string, life time.Duration) *x509.Certificate {
	var serial [16]byte
	_, _ = rand.Read(serial[:]) // never fails since Go 1.24
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:]),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(life),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}
