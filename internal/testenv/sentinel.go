package testenv

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// SentinelMaster is the name by which the sentinels know the primary.
	SentinelMaster = "cambio"
	// formTimeout bounds how long servers take to find each other.
	formTimeout = 30 * time.Second
)

// RedisSentinel is a primary with two replicas, which three sentinels watch and
// promote: one is taken for dead after two seconds without an answer. A primary that
// has seen no replica for two seconds takes no writes.
type RedisSentinel struct {
	// Nodes are the servers; Nodes[0] begins as the primary.
	Nodes [3]*RedisServer
	// Sentinels are the watchers.
	Sentinels [3]*Process

	tb        testing.TB
	sentinels []string
	// Doors are the proxies by which others than this test know the sentinels, if
	// they are Proxied.
	Doors []*Proxy
}

// Sentinel starts the six processes and waits until both replicas follow and
// each sentinel knows all. options are those of each server. They end with the test.
func Sentinel(tb testing.TB, options RedisOptions) *RedisSentinel {
	tb.Helper()
	s := &RedisSentinel{tb: tb}
	for i := range s.Nodes {
		args := options.Args
		if i > 0 {
			args = append([]string{"--replicaof", "127.0.0.1 " + s.Nodes[0].announcedPort()}, args...)
		}
		args = append([]string{"--min-replicas-to-write", "1", "--min-replicas-max-lag", "2"}, args...)
		s.Nodes[i] = Redis(tb, RedisOptions{Args: append(fastReplication(), args...), Proxied: options.Proxied, OnDisk: options.OnDisk})
	}
	for i := range s.Sentinels {
		s.startSentinel(i, options.Proxied)
	}
	Wait(tb, formTimeout, func() bool { return s.formed() && s.followed(s.Nodes[0]) })
	return s
}

// fastReplication are settings under which replicas follow within a test's
// patience.
func fastReplication() []string {
	return []string{"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"}
}

func (s *RedisSentinel) startSentinel(i int, isProxied bool) {
	s.tb.Helper()
	port := FreePort(s.tb)
	file := filepath.Join(s.tb.TempDir(), "sentinel.conf")
	text := fmt.Sprintf(`port %d
bind 127.0.0.1
sentinel monitor %[2]s 127.0.0.1 %[3]s 2
sentinel down-after-milliseconds %[2]s 2000
sentinel failover-timeout %[2]s 5000
sentinel parallel-syncs %[2]s 2
`, port, SentinelMaster, s.Nodes[0].announcedPort())
	if isProxied {
		door := NewProxy(s.tb)
		door.Carry(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		s.Doors = append(s.Doors, door)
		_, announced, _ := net.SplitHostPort(door.Addr())
		text += "sentinel announce-ip 127.0.0.1\nsentinel announce-port " + announced + "\n"
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil { // it writes what it learns into it
		s.tb.Fatalf("write the sentinel's configuration: %v", err)
	}
	s.Sentinels[i] = Start(s.tb, nil, s.Nodes[0].program, file, "--sentinel")
	s.sentinels = append(s.sentinels, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

// formed reports whether every sentinel knows the others and both replicas.
func (s *RedisSentinel) formed() bool {
	for _, addr := range s.sentinels {
		info, err := respDo("tcp", addr, "INFO", "sentinel")
		if err != nil || !strings.Contains(info, "status=ok") || !strings.Contains(info, "slaves=2,sentinels=3") {
			return false
		}
	}
	return true
}

// followed reports whether all other servers follow one.
func (s *RedisSentinel) followed(primary *RedisServer) bool {
	info, err := primary.Do("INFO", "replication")
	return err == nil && strings.Count(info, "state=online") == len(s.Nodes)-1
}

// Addrs returns host:port of the sentinels.
func (s *RedisSentinel) Addrs() []string {
	if s.Doors == nil {
		return s.sentinels
	}
	var addrs []string
	for _, door := range s.Doors {
		addrs = append(addrs, door.Addr())
	}
	return addrs
}

// URL returns the address as the configuration of the product takes it.
func (s *RedisSentinel) URL() string {
	return "redis+sentinel://" + strings.Join(s.Addrs(), ",") + "/0?master=" + SentinelMaster
}

// Primary returns the server that the sentinels name as the primary.
func (s *RedisSentinel) Primary() *RedisServer {
	s.tb.Helper()
	var primary *RedisServer
	Wait(s.tb, formTimeout, func() bool {
		for _, addr := range s.sentinels {
			if named, err := respDo("tcp", addr, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SentinelMaster); err == nil {
				primary = s.node(strings.TrimPrefix(named, "127.0.0.1 "))
				return primary != nil
			}
		}
		return false
	})
	return primary
}

func (s *RedisSentinel) node(port string) *RedisServer {
	for _, node := range s.Nodes {
		if node.announcedPort() == port {
			return node
		}
	}
	return nil
}

// Promoted waits until the sentinels name another primary than before and it
// takes that role, and returns it.
func (s *RedisSentinel) Promoted(before *RedisServer) *RedisServer {
	s.tb.Helper()
	var after *RedisServer
	Wait(s.tb, formTimeout, func() bool {
		after = s.Primary()
		if after == before {
			return false
		}
		role, err := after.Do("ROLE")
		return err == nil && strings.HasPrefix(role, "master")
	})
	return after
}

// Rejoin starts a server that was killed, as a replica of the primary, and waits
// until it follows: the sentinels would do that too, in their own time.
func (s *RedisSentinel) Rejoin(node, primary *RedisServer) {
	s.tb.Helper()
	node.Start()
	node.MustDo("REPLICAOF", "127.0.0.1", primary.announcedPort())
	Wait(s.tb, formTimeout, func() bool { return s.formed() && s.followed(primary) })
}
