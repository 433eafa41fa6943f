package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
)

// Inspection is what Inspect saw of the servers of a store. It judges nothing, and
// has no secret in it.
type Inspection struct {
	// Servers are the primaries; alone, the server that was named, whatever it is.
	Servers []Server
	// Watchers are the sentinels, in the order of Config.Addrs.
	Watchers []Watcher
	// Slots is how many of the 16384 slots of a Cluster have a primary; 0 elsewhere.
	Slots int
	// LayoutErr is a *FormatError for a layout that this program does not know, or says
	// why it could not be read.
	LayoutErr error
	// Keys is the key ring, sealed as it is stored; nothing if KeysErr is set.
	Keys    keys.Stored
	KeysErr error
	// Waiting is how many audit events wait to be shipped; -1 if that was not answered.
	Waiting int64
}

// Server is what one server said of itself.
type Server struct {
	Addr string // host:port, or the path of a socket
	// Fault says why it could not be asked; then nothing else is known.
	Fault error
	// Refused says that the server answered, and refused: a wrong password.
	Refused bool
	// Info has the fields of INFO; none if its user may not ask.
	Info map[string]string
	// Settings has the values of CONFIG GET; none where the server hides them.
	Settings map[string]string
	// Lacks are the permissions that its user needs and has not, as ACL SETUSER takes them.
	Lacks []string
	// Ahead is by how much its clock is before the one of Config, less what the
	// answer took; negative if behind.
	Ahead time.Duration
	// Replicas are those that are connected to it.
	Replicas []Replica
}

// Replica is a follower, as its primary sees it.
type Replica struct {
	Addr   string
	Online bool
	Lag    time.Duration // since it last said something; in whole seconds
}

// Watcher is a sentinel.
type Watcher struct {
	Addr  string
	Fault error // it could not be asked
	// Unknown says that it watches no primary of the name.
	Unknown bool
	// NoQuorum is its own words for why it could not promote a replica; empty if it could.
	NoQuorum string
	// Quorum is how many have to agree that a primary is gone, Others how many it knows.
	Quorum, Others int
	// Primary is host:port of the primary that it names.
	Primary string
}

// Inspect asks the servers of a configuration what a person would ask them, and
// changes nothing. Servers that do not answer are a part of what it returns; an error
// says that the configuration is none. ctx bounds it.
func Inspect(ctx context.Context, config Config) (*Inspection, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	silenceClient()
	config.PoolSize = 2
	out := &Inspection{Waiting: -1}
	password, err := config.SentinelPassword()
	if err != nil {
		return nil, fmt.Errorf("read the sentinels' password: %w", err)
	}
	if config.Topology == Sentinel {
		out.Watchers = askWatchers(ctx, &config, password.Reveal())
	}
	found := connect(&config, password.Reveal(), nil)
	defer func() { _ = found.Close() }()
	var mu sync.Mutex
	err = found.primaries(ctx, func(ctx context.Context, client *goredis.Client) error {
		server := askServer(ctx, &config, client)
		mu.Lock()
		defer mu.Unlock()
		out.Servers = append(out.Servers, server)
		return nil
	})
	if err != nil {
		out.Servers = append(out.Servers, Server{Addr: strings.Join(config.Addrs, ","), Fault: err, Refused: refusal(err)})
	}
	slices.SortFunc(out.Servers, func(a, b Server) int { return strings.Compare(a.Addr, b.Addr) })
	if slices.ContainsFunc(out.Servers, func(s Server) bool { return s.Fault != nil }) {
		out.KeysErr, out.LayoutErr = out.Servers[0].Fault, out.Servers[0].Fault
		return out, nil
	}
	if nodes, ok := found.(cluster); ok {
		out.Slots = countSlots(ctx, nodes.client)
	}
	out.LayoutErr = readLayout(ctx, found)
	out.Keys, out.KeysErr = storedRing(ctx, found)
	out.Waiting = countWaiting(ctx, found)
	return out, nil
}

func refusal(err error) bool {
	_, ok := errors.AsType[goredis.Error](err)
	return ok
}

func askServer(ctx context.Context, config *Config, client *goredis.Client) Server {
	out := Server{Addr: client.Options().Addr}
	if err := client.Time(ctx).Err(); err != nil && !hidden(err) {
		out.Fault, out.Refused = err, refusal(err)
		return out
	}
	out.Ahead = ahead(ctx, client, config.Now)
	text, err := client.Info(ctx).Result()
	if err == nil {
		out.Info = parseInfo(text)
		out.Replicas = replicasOf(out.Info)
	}
	for _, setting := range inspected() {
		values, err := client.ConfigGet(ctx, setting).Result()
		if err != nil || values[setting] == "" {
			continue
		}
		if out.Settings == nil {
			out.Settings = map[string]string{}
		}
		out.Settings[setting] = values[setting]
	}
	out.Lacks = lacking(ctx, config, client)
	return out
}

// inspected are the settings of a server that matter.
func inspected() []string {
	return []string{
		"maxmemory-policy", "maxmemory", "appendonly", "appendfsync", "min-replicas-to-write", "min-replicas-max-lag",
		"cluster-require-full-coverage",
	}
}

// ahead compares the clocks: the quickest of some answers says the most.
func ahead(ctx context.Context, client *goredis.Client, now func() time.Time) time.Duration {
	const asked = 3
	best, quickest := time.Duration(0), time.Duration(-1)
	for range asked {
		before := now()
		there, err := client.Time(ctx).Result()
		took := now().Sub(before)
		if err == nil && (quickest < 0 || took < quickest) {
			best, quickest = there.Sub(before.Add(took/2)), took
		}
	}
	return best
}

// replicasOf reads slave0:ip=127.0.0.1,port=6380,state=online,offset=1,lag=0 of INFO.
func replicasOf(info map[string]string) []Replica {
	var out []Replica
	for i := 0; ; i++ {
		line, found := info["slave"+strconv.Itoa(i)]
		if !found {
			return out
		}
		fields := map[string]string{}
		for part := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(part, "=")
			fields[name] = value
		}
		seconds, _ := strconv.Atoi(fields["lag"])
		out = append(out, Replica{
			Addr: net.JoinHostPort(fields["ip"], fields["port"]), Online: fields["state"] == "online", Lag: time.Duration(seconds) * time.Second,
		})
	}
}

// storedRing reads the key ring as it lies there.
func storedRing(ctx context.Context, found servers) (keys.Stored, error) {
	var out keys.Stored
	primary, err := found.primary(ctx, cfg)
	if err != nil {
		return out, unavailable("read the key ring", err)
	}
	text, err := primary.HGet(ctx, ringKey(), "state").Result()
	if errors.Is(err, goredis.Nil) {
		return out, nil
	}
	if err != nil {
		return out, unavailable("read the key ring", err)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		return out, unavailable("read the key ring", fmt.Errorf("%w: no key ring", errReply))
	}
	return out, nil
}

func countWaiting(ctx context.Context, found servers) int64 {
	pipe := found.pipeline()
	lengths := make([]*goredis.IntCmd, 0, id.Shards+1)
	for _, shard := range allShards() {
		lengths = append(lengths, pipe.XLen(ctx, auditKey(shard)))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return -1
	}
	sum := int64(0)
	for _, length := range lengths {
		sum += length.Val()
	}
	return sum
}

// countSlots counts the slots that some primary serves.
func countSlots(ctx context.Context, client *goredis.ClusterClient) int {
	ranges, err := client.ClusterSlots(ctx).Result() //nolint:staticcheck // it is what the user has the right to
	if err != nil {
		return 0
	}
	slots := 0
	for _, r := range ranges {
		if len(r.Nodes) > 0 && r.Nodes[0].Addr != "" {
			slots += r.End - r.Start + 1
		}
	}
	return slots
}

func askWatchers(ctx context.Context, config *Config, password string) []Watcher {
	out := make([]Watcher, len(config.Addrs))
	var all sync.WaitGroup
	for i, addr := range config.Addrs {
		all.Go(func() { out[i] = askWatcher(ctx, config, addr, password) })
	}
	all.Wait()
	return out
}

func askWatcher(ctx context.Context, config *Config, addr, password string) Watcher {
	out := Watcher{Addr: addr}
	client := goredis.NewSentinelClient(&goredis.Options{
		Addr: addr, Password: password, TLSConfig: config.TLS, MaxRetries: -1, DialerRetries: 1, DialTimeout: dialTimeout, ReadTimeout: ioTimeout,
		WriteTimeout: ioTimeout, PoolTimeout: poolTimeout, ContextTimeoutEnabled: true, DisableIdentity: true, PoolSize: 1,
	})
	defer func() { _ = client.Close() }()
	master, err := client.Master(ctx, config.Master).Result()
	switch {
	case err != nil && refusal(err) && strings.Contains(err.Error(), "No such master"):
		out.Unknown = true
		return out
	case err != nil:
		out.Fault = err
		return out
	}
	out.Quorum, _ = strconv.Atoi(master["quorum"])
	out.Others, _ = strconv.Atoi(master["num-other-sentinels"])
	out.Primary = net.JoinHostPort(master["ip"], master["port"])
	if err := client.CkQuorum(ctx, config.Master).Err(); err != nil {
		out.NoQuorum = err.Error()
	}
	return out
}
