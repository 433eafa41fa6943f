package redis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/storage/redis"
)

func as(password string) func() (secret.Text, error) {
	return func() (secret.Text, error) { return secret.New(password), nil }
}

// TestPasswordChanges: the password is asked for with each connection, and trouble
// with it is that and nothing worse.
func TestPasswordChanges(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--user", "cambio", "on", ">first", "~*", "+@all"}})
	var password atomic.Pointer[string]
	set := func(to string) { password.Store(&to) }
	set("first")
	db := openAs(t, redis.Config{
		Addrs: []string{server.Addr()}, Username: "cambio", Durability: redis.Verified, Now: time.Now,
		Password: func() (secret.Text, error) {
			if *password.Load() == "" {
				return secret.Text{}, errors.New("the file is gone")
			}
			return secret.New(*password.Load()), nil
		},
	})
	record := token(t, db)
	server.MustDo("ACL", "SETUSER", "cambio", "resetpass", ">second")
	server.MustDo("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	for _, wrong := range []string{"first", ""} {
		set(wrong)
		err := second(db.Uses().Use(t.Context(), presentation(&record)))
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.NotContains(t, err.Error(), "first")
	}
	set("second")
	require.NoError(t, second(db.Uses().Use(t.Context(), presentation(&record))))
}

// TestSentinelPasswordChanges: that of the sentinels is looked at again, too, before
// they have to be asked for a primary.
func TestSentinelPasswordChanges(t *testing.T) {
	t.Parallel()
	s := testenv.Sentinel(t, testenv.RedisOptions{})
	var password atomic.Pointer[string]
	set := func(old, to string) {
		for _, addr := range s.Addrs() {
			sentinel := goredis.NewClient(&goredis.Options{Addr: addr, Password: old})
			require.NoError(t, sentinel.Do(t.Context(), "ACL", "SETUSER", "default", "resetpass", ">"+to).Err())
			require.NoError(t, sentinel.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err())
			require.NoError(t, sentinel.Close())
		}
	}
	tell := func(to string) { password.Store(&to) }
	set("", "first")
	tell("first")
	config := onSentinel(s)
	config.SentinelPassword = func() (secret.Text, error) { return secret.New(*password.Load()), nil }
	db := process(t, config)
	record := token(t, db)
	set("first", "second")
	s.Nodes[0].MustDo("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	require.ErrorIs(t, second(db.Uses().Use(t.Context(), presentation(&record))), fault.ErrUnavailable)
	tell("second")
	testenv.Wait(t, 10*time.Second, func() bool { return second(db.Uses().Use(t.Context(), presentation(&record))) == nil })
}

// authority makes a certificate authority and, signed by it, the certificate of a
// server on this machine.
func authority(t *testing.T) (pool *x509.CertPool, args []string) {
	t.Helper()
	dir, key := t.TempDir(), func() *ecdsa.PrivateKey {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		return private
	}
	template := func(name string, authority bool) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: authority, BasicConstraintsValid: true,
		}
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	root, rootKey, serverKey := template("authority", true), key(), key()
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	require.NoError(t, err)
	serverDER, err := x509.CreateCertificate(rand.Reader, template("redis", false), root, serverKey.Public(), rootKey)
	require.NoError(t, err)
	sealed, err := x509.MarshalPKCS8PrivateKey(serverKey)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(rootDER)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return pool, []string{
		"--tls-cert-file", write("server.crt", "CERTIFICATE", serverDER), "--tls-key-file", write("server.key", "PRIVATE KEY", sealed),
		"--tls-ca-cert-file", write("ca.crt", "CERTIFICATE", rootDER), "--tls-auth-clients", "no",
	}
}

// TestTLS (A096): a server is spoken to under TLS or not at all.
func TestTLS(t *testing.T) {
	pool, args := authority(t)
	stranger, _ := authority(t)
	port := testenv.FreePort(t)
	testenv.Redis(t, testenv.RedisOptions{Args: append(args, "--tls-port", strconv.Itoa(port))})
	plain := testenv.Redis(t, testenv.RedisOptions{})
	addr := "127.0.0.1:" + strconv.Itoa(port)
	config := func(addr string, pool *x509.CertPool, name string) redis.Config {
		return redis.Config{
			Addrs: []string{addr}, Durability: redis.Verified, Now: time.Now,
			TLS: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, ServerName: name},
		}
	}
	db := openAs(t, config(addr, pool, ""))
	record := token(t, db)
	require.NoError(t, second(db.Uses().Use(t.Context(), presentation(&record))))
	for name, c := range map[string]redis.Config{
		"signed by somebody else": config(addr, stranger, ""),
		"of another name":         config(addr, pool, "redis.example.com"),
		"in plain text":           config(plain.Addr(), pool, ""),
		"asked in plain text":     {Addrs: []string{addr}, Durability: redis.Verified, Now: time.Now},
	} {
		_, err := redis.Open(t.Context(), c)
		require.ErrorIs(t, err, fault.ErrUnavailable, name)
	}
}
