package testenv

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// clusterSlots is how many slots a Redis Cluster has.
const clusterSlots = 16384

// RedisCluster is three primaries, each with a replica, which share the slots.
// One is taken for dead after two seconds without an answer.
type RedisCluster struct {
	// Nodes are the servers: the first three begin as primaries, Nodes[i+3] as
	// the replica of Nodes[i].
	Nodes [6]*RedisServer

	tb testing.TB
}

// Cluster starts six servers and joins them. options are those of each. They
// end with the test.
func Cluster(tb testing.TB, options RedisOptions) *RedisCluster {
	tb.Helper()
	c := &RedisCluster{tb: tb}
	for i := range c.Nodes {
		args := append(fastReplication(),
			"--cluster-enabled", "yes", "--cluster-config-file", filepath.Join(tb.TempDir(), "nodes.conf"),
			"--cluster-port", strconv.Itoa(FreePort(tb)), "--cluster-node-timeout", "2000",
			"--cluster-require-full-coverage", "no", "--cluster-replica-validity-factor", "0")
		c.Nodes[i] = Redis(tb, RedisOptions{Args: append(args, options.Args...), Proxied: options.Proxied, OnDisk: options.OnDisk})
	}
	c.join()
	return c
}

func (c *RedisCluster) join() {
	c.tb.Helper()
	primaries := len(c.Nodes) / 2
	for i, node := range c.Nodes {
		node.MustDo("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i < primaries {
			first, last := i*clusterSlots/primaries, (i+1)*clusterSlots/primaries-1
			node.MustDo("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last))
		}
		if i > 0 {
			first := c.Nodes[0]
			node.MustDo("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(first.port), first.busPort())
		}
	}
	Wait(c.tb, formTimeout, func() bool { return c.all("CLUSTER INFO", fmt.Sprintf("cluster_known_nodes:%d", len(c.Nodes))) })
	for i, node := range c.Nodes[primaries:] {
		node.MustDo("CLUSTER", "REPLICATE", c.Nodes[i].MustDo("CLUSTER", "MYID"))
	}
	Wait(c.tb, formTimeout, func() bool {
		return c.all("CLUSTER INFO", "cluster_state:ok") && c.replicated() && c.agreed()
	})
}

// busPort is the port by which the nodes of a cluster talk to each other.
func (r *RedisServer) busPort() string {
	for i, arg := range r.args {
		if arg == "--cluster-port" {
			return r.args[i+1]
		}
	}
	return ""
}

// all reports whether the reply of every node to a command contains a text.
func (c *RedisCluster) all(command, text string) bool {
	for _, node := range c.Nodes {
		if reply, err := node.Do(strings.Fields(command)...); err != nil || !strings.Contains(reply, text) {
			return false
		}
	}
	return true
}

// replicated reports whether the replica of each primary follows: also by its own
// account, since a primary calls it online as soon as it has sent its data.
func (c *RedisCluster) replicated() bool {
	for i, node := range c.Nodes {
		follows := "state=online"
		if i >= len(c.Nodes)/2 {
			follows = "master_link_status:up"
		}
		if info, err := node.Do("INFO", "replication"); err != nil || !strings.Contains(info, follows) {
			return false
		}
	}
	return true
}

// agreed reports whether every node knows every replica by its primary.
func (c *RedisCluster) agreed() bool {
	for _, node := range c.Nodes {
		nodes, err := node.Do("CLUSTER", "NODES")
		if err != nil || strings.Count(nodes, "slave") != len(c.Nodes)/2 || strings.Contains(nodes, "fail") {
			return false
		}
	}
	return true
}

// Addrs returns host:port of the servers.
func (c *RedisCluster) Addrs() []string {
	var addrs []string
	for _, node := range c.Nodes {
		addrs = append(addrs, node.Announced())
	}
	return addrs
}

// URL returns the address as the configuration of the product takes it.
func (c *RedisCluster) URL() string { return "redis+cluster://" + strings.Join(c.Addrs(), ",") }

// Primary returns the server that serves the slot of a key, by what a server
// that runs says.
func (c *RedisCluster) Primary(key string) *RedisServer {
	c.tb.Helper()
	var primary *RedisServer
	Wait(c.tb, formTimeout, func() bool {
		for _, node := range c.Nodes {
			if node.ended() {
				continue
			}
			_, err := node.Do("GET", key) // of another type is an answer too
			if err == nil || !strings.HasPrefix(err.Error(), "MOVED ") {
				if role, roleErr := node.Do("ROLE"); roleErr == nil && strings.HasPrefix(role, "master") {
					primary = node
					return true
				}
			}
		}
		return false
	})
	return primary
}

// Promoted waits until another server than before serves the slot of a key, and
// returns it.
func (c *RedisCluster) Promoted(key string, before *RedisServer) *RedisServer {
	c.tb.Helper()
	var after *RedisServer
	Wait(c.tb, formTimeout, func() bool {
		after = c.Primary(key)
		return after != before
	})
	return after
}

// MoveSlot moves the slot of a key, with all that lies in it, to another
// primary, as resharding does: key by key.
func (c *RedisCluster) MoveSlot(key string, to *RedisServer) {
	c.tb.Helper()
	from := c.Primary(key)
	slot := from.MustDo("CLUSTER", "KEYSLOT", key)
	source, target := from.MustDo("CLUSTER", "MYID"), to.MustDo("CLUSTER", "MYID")
	Wait(c.tb, formTimeout, func() bool { // they may not have heard yet who is a primary
		_, err := to.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", source)
		if err == nil {
			_, err = from.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", target)
		}
		return err == nil
	})
	for {
		keys := strings.Fields(from.MustDo("CLUSTER", "GETKEYSINSLOT", slot, "10"))
		if len(keys) == 0 {
			break
		}
		from.MustDo(append([]string{"MIGRATE", "127.0.0.1", strconv.Itoa(to.port), "", "0", "5000", "KEYS"}, keys...)...)
	}
	for _, node := range []*RedisServer{to, from} {
		node.MustDo("CLUSTER", "SETSLOT", slot, "NODE", target)
	}
}
