package doctor_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/keys"
)

// fault is something wrong with one of the deployments.
type fault struct {
	name  string
	in    func(t *testing.T) *world
	plant func(w *world)
	want  string // the one check that finds it, and how bad
}

func faults() []fault {
	return []fault{
		{"an unknown key", onFile, func(w *world) { w.set("colour", "blue") }, "config FAIL"},
		{"a value out of bounds", onFile, func(w *world) { w.set("keys.jwksMaxAge", "25h") }, "config FAIL"},
		{"a configuration that others may write", onFile, func(w *world) { w.chmod("cambio.yaml", 0o666) }, "config-file FAIL"},
		{"a master key that others may read", onFile, func(w *world) { w.chmod("key/master.key", 0o644) }, "secrets FAIL"},
		{"a password that others may read", onRedis, func(w *world) { w.chmod("redis.password", 0o640) }, "secrets WARN"},
		{"a secret of a webhook that others may read", onFile, func(w *world) { w.chmod("hook.secret", 0o604) }, "secrets WARN"},
		{"a broken master key", onFile, func(w *world) { w.write("key/master.key", "1:c2hvcnQ=\n") }, "master-key FAIL"},
		{"a master key beside the data", onFile, func(w *world) {
			w.sh("mv key/master.key data/master.key")
			w.set("masterKey.file", "data/master.key")
		}, "master-key WARN"},
		{"too many connections for the limit of files", onFile, func(w *world) { w.set("limits.maxConnections", 10_000_000) }, "open-files WARN"},

		{"a wrong password", onRedis, func(w *world) { w.write("redis.password", "wrong\n") }, "store-reachable FAIL"},
		{"confirmation that the server cannot give", onRedis, func(w *world) {
			if !strings.Contains(w.redis.MustDo("INFO", "server"), "redis_version:7.0.") {
				w.t.Skip("the server can")
			}
			w.set("store.confirm", "disk")
		}, "store-version FAIL"},
		{"a right that is missing", onRedis, func(w *world) { w.redis.MustDo("ACL", "SETUSER", "cambio", "-zadd", "-info") }, "store-permissions FAIL"},
		{"a user without our keys", onRedis, func(w *world) { w.redis.MustDo("ACL", "SETUSER", "cambio", "resetkeys", "~other:*") }, "store-permissions FAIL"},
		{"a user without scripts", onRedis, func(w *world) { w.redis.MustDo("ACL", "SETUSER", "cambio", "-@scripting") }, "store-permissions FAIL"},
		{"eviction", onRedis, func(w *world) { w.redis.MustDo("CONFIG", "SET", "maxmemory-policy", "allkeys-lru") }, "store-eviction FAIL"},
		{"a full memory", onRedis, func(w *world) {
			w.redis.MustDo("CONFIG", "SET", "maxmemory", strconv.Itoa(w.number("used_memory")*104/100))
		}, "store-memory WARN"},
		{"no append-only file", onRedis, func(w *world) { w.redis.MustDo("CONFIG", "SET", "appendonly", "no") }, "store-aof FAIL"},
		{"an append-only file that is not flushed", onRedis, func(w *world) { w.redis.MustDo("CONFIG", "SET", "appendfsync", "no") }, "store-aof WARN"},
		{"durability by best effort", onRedis, func(w *world) { w.set("store.durability", "best-effort") }, "store-durability WARN"},
		{"a replica in the place of the primary", onReplicated, func(w *world) { w.set("store.url", "redis://"+string(w.shelf["replica"]())+"/0") }, "store-replication FAIL"},
		{"a primary that does not need its replicas", onReplicated, func(w *world) { w.redis.MustDo("CONFIG", "SET", "min-replicas-to-write", "0") }, "store-replication FAIL"},
		{"a primary that is patient with its replicas", onReplicated, func(w *world) { w.redis.MustDo("CONFIG", "SET", "min-replicas-max-lag", "60") }, "store-replication FAIL"},
		{"a store that lost all", onRedis, func(w *world) { w.redis.MustDo("FLUSHALL") }, "key-ring FAIL"},
		{"another master key", onRedis, func(w *world) { w.write("key/master.key", keys.GenerateMaster().Reveal()) }, "key-ring FAIL"},

		{"sentinels of which too many have to agree", onSentinels, func(w *world) {
			for addr := range strings.FieldsSeq(string(w.shelf["sentinels"]())) {
				_, port, _ := net.SplitHostPort(addr)
				w.sh("redis-cli -p " + port + " SENTINEL SET " + testenv.SentinelMaster + " quorum 9")
			}
		}, "store-sentinel FAIL"},
		{"a cluster that stops for one shard", onCluster, func(w *world) { w.redis.MustDo("CONFIG", "SET", "cluster-require-full-coverage", "yes") }, "store-cluster WARN"},
		{"a slot that nobody serves", onCluster, func(w *world) {
			for addr := range strings.FieldsSeq(string(w.shelf["nodes"]())) {
				_, port, _ := net.SplitHostPort(addr)
				w.sh("redis-cli -p " + port + " CLUSTER DELSLOTS 6000")
			}
		}, "store-cluster FAIL"},

		{"a store that others may read", onFile, func(w *world) { w.chmod("data/cambio.db", 0o644) }, "store-file WARN"},
		{"no file", onFile, func(w *world) { require.NoError(w.t, os.Remove(w.path("data/cambio.db"))) }, "store-reachable FAIL"},
		{"an audit folder that others may use", onFile, func(w *world) {
			require.NoError(w.t, os.Mkdir(w.path("audit"), 0o700))
			w.chmod("audit", 0o755)
		}, "audit-folder WARN"},
		{"an audit folder that is a file", onFile, func(w *world) { w.write("audit", "") }, "audit-folder FAIL"},
		{"an edited line of the trail", served, func(w *world) {
			w.server.Stop()
			files, err := filepath.Glob(w.path("audit/*.jsonl"))
			require.NoError(w.t, err)
			require.NotEmpty(w.t, files)
			text, err := os.ReadFile(files[0])
			require.NoError(w.t, err)
			require.NoError(w.t, os.WriteFile(files[0], []byte(strings.Replace(string(text), "success", "failure", 1)), 0o600))
		}, "audit-chain FAIL"},
		{"a backup in the place of the store", served, func(w *world) {
			w.sh("cambio backup --config cambio.yaml copy.db")
			w.server.Stop()
			w.sh("mv copy.db data/cambio.db")
		}, "store-reachable FAIL"},

		{"an address that another program has", onFile, func(w *world) { w.occupy(w.public) }, "listen FAIL"},
		{"an admin listener for everybody", onFile, func(w *world) { w.set("listen.adminAddr", ":"+strconv.Itoa(testenv.FreePort(w.t))) }, "admin WARN"},
		{"a proxy that is not believed", onFile, func(w *world) { w.set("issuer", "https://127.0.0.1:"+strconv.Itoa(testenv.FreePort(w.t))) }, "proxies WARN"},
		{"a certificate that has expired", onTLS, func(w *world) { w.certify("127.0.0.1", -time.Hour, w.ca) }, "tls FAIL"},
		{"a certificate that soon expires", onTLS, func(w *world) { w.certify("127.0.0.1", 3*24*time.Hour, w.ca) }, "tls WARN"},
		{"a certificate for another host", onTLS, func(w *world) { w.certify("sts.example.com", 90*24*time.Hour, w.ca) }, "tls FAIL"},
		{"a certificate of another authority", onTLS, func(w *world) { w.certify("127.0.0.1", 90*24*time.Hour, newAuthority(w.t)) }, "tls WARN"},
		{"a certificate of another key", onTLS, func(w *world) {
			w.sh("mv tls.key kept.key")
			w.certify("127.0.0.1", 90*24*time.Hour, w.ca)
			w.sh("mv kept.key tls.key")
		}, "tls FAIL"},

		{"another issuer than the running server's", served, func(w *world) { w.set("issuer", strings.Replace("http://"+w.public, "127.0.0.1", "localhost", 1)) }, "issuer FAIL"},
		{"another master key than the running server's", served, func(w *world) { w.write("key/master.key", keys.GenerateMaster().Reveal()) }, "key-ring FAIL"},
		{"a broken master key beside a running server", served, func(w *world) { w.write("key/master.key", "1:c2hvcnQ=\n") }, "master-key FAIL"},
		{"an issuer of the provider that is nearly right", onFile, func(w *world) {
			w.set("login.issuer", fmt.Sprint(w.section("login")["issuer"])+"/")
		}, "login FAIL"},
		{"a service that may not be called", withServices, func(w *world) { w.set("credentials[0].http.allowedNetworks", []any{"10.0.0.0/8"}) }, "credentials FAIL"},
		{"an object store of another authority", withServices, func(w *world) { w.write("s3.pem", string(newAuthority(w.t).pem)) }, "credentials FAIL"},
		{"a wrong password of a database", withDatabase, func(w *world) { w.write("database.password", "wrong\n") }, "credentials FAIL"},
		{"a password of a database that others may read", withDatabase, func(w *world) { w.chmod("database.password", 0o644) }, "secrets WARN"},
		{"a role that may create none", withDatabase, func(w *world) { w.sql("ALTER ROLE cambio NOCREATEROLE") }, "credentials FAIL"},
		{"a superuser that makes roles", withDatabase, func(w *world) { w.sql("ALTER ROLE cambio SUPERUSER") }, "credentials FAIL"},
		{"a role to grant that is gone", withDatabase, func(w *world) { w.sql("DROP ROLE reader") }, "credentials FAIL"},
		{"a secret of a webhook that is none", onFile, func(w *world) { w.write("hook.secret", "whsec_c2hvcnQ=\n") }, "webhooks FAIL"},
		{"a receiver that may not be called", onFile, func(w *world) { w.set("webhooks[0].allowedNetworks", []any{"10.0.0.0/8"}) }, "webhooks FAIL"},
	}
}

// TestFaults plants one fault at a time in a deployment in good order: exactly one check
// finds it, and what its fix says, carried out as it stands, mends it.
func TestFaults(t *testing.T) {
	planted := faults()
	require.GreaterOrEqual(t, len(planted), 25)
	for _, f := range planted {
		t.Run(f.name, func(t *testing.T) {
			w := f.in(t)
			f.plant(w)
			report := w.examine()
			require.Equal(t, []string{f.want}, ill(report), told(report))
			w.apply(report)
			after := w.examine()
			testenv.Wait(t, 20*time.Second, func() bool { // the nodes of a cluster have to tell each other
				if len(ill(after)) > 0 && strings.HasPrefix(f.want, "store-cluster") {
					after = w.examine()
					return len(ill(after)) == 0
				}
				return true
			})
			require.Empty(t, ill(after), told(after))
		})
	}
}

// TestHealthy: deployments in good order are found in order, a server that runs among
// them, and looked at in full.
func TestHealthy(t *testing.T) {
	for name, in := range map[string]func(*testing.T) *world{"redis": onRedis, "replicated": onReplicated, "file": onFile, "served": served, "TLS": onTLS, "services": withServices, "database": withDatabase, "served on redis": servedOnRedis} {
		t.Run(name, func(t *testing.T) {
			w := in(t)
			report := w.examine()
			require.Empty(t, ill(report), told(report))
			require.NotEmpty(t, report.Configuration)
			if strings.HasPrefix(name, "served") {
				for _, check := range report.Checks {
					if check.ID == "issuer-keys" || check.ID == "server" || check.ID == "key-ages" || check.ID == "audit-chain" {
						require.EqualValues(t, "OK", check.Status, check.ID)
					}
				}
			}
		})
	}
}
