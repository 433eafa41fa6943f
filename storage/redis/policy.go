package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/fault"
)

// policyEvery is the time between two looks at the server's configuration.
const policyEvery = time.Minute

// PolicyError says that the server is not configured as a store of revocations
// has to be.
type PolicyError struct {
	Setting string // of the server, as redis.conf spells it
	Value   string // as found
	Fix     string // what to do, for people
}

// Error names the setting, its value and the fix.
func (e *PolicyError) Error() string {
	return fmt.Sprintf("redis %s is %q: %s", e.Setting, e.Value, e.Fix)
}

// Run looks at the servers until ctx ends, and then returns nil: twice a second
// whether each primary takes writes and is still the one it was, and each minute
// at the configuration. While that lacks what Durability demands, every operation
// fails with fault.ErrUnavailable and the *PolicyError; servers that cannot be
// asked change nothing.
func (db *DB) Run(ctx context.Context) error {
	db.runs.Store(true)
	defer db.runs.Store(false)
	db.beat(ctx)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	policy := time.NewTicker(policyEvery)
	defer policy.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			db.beat(ctx)
		case <-policy.C:
			if db.config.Durability == Verified {
				db.lookAgain(ctx)
			}
		}
	}
}

func (db *DB) lookAgain(ctx context.Context) {
	err := db.checkPolicy(ctx)
	if lacking, ok := errors.AsType[*PolicyError](err); ok {
		db.log.Error("redis is not configured safely any more", zap.Error(lacking))
		db.refused.Store(lacking)
		return
	}
	if err == nil && db.refused.Swap(nil) != nil {
		db.log.Info("redis is configured safely again")
	}
}

// checkPolicy asks every primary for what Durability demands. It fails with the
// first *PolicyError, or with fault.ErrUnavailable.
func (db *DB) checkPolicy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*db.config.within(callTimeout))
	defer cancel()
	if db.config.Durability == BestEffort {
		db.log.Warn("redis durability is best-effort: a change that was answered may be lost, and with it a revocation")
		return nil
	}
	s := db.session.Load()
	return s.primaries(ctx, func(ctx context.Context, server *goredis.Client) error {
		err := db.checkServer(ctx, server)
		if _, met := s.met[server.Options().Addr]; !met && errors.Is(err, fault.ErrUnavailable) {
			return nil // it does not answer, and nothing is asked of it
		}
		return err
	})
}

func (db *DB) checkServer(ctx context.Context, server *goredis.Client) error {
	info, err := server.Info(ctx).Result()
	if err != nil {
		return unavailable("ask redis for INFO", err)
	}
	parsed := parseInfo(info)
	if err := checkInfo(parsed); err != nil {
		return err
	}
	if version := parsed["redis_version"]; db.config.Disk && strings.HasPrefix(version, "7.0.") {
		return &PolicyError{"version", version, "use Redis 7.2 or later, or Valkey: older ones cannot tell what is on the disk; or set store.confirm to \"memory\""}
	}
	if db.config.Durability == Declared {
		return nil
	}
	for _, want := range db.policy() {
		values, err := server.ConfigGet(ctx, want.setting).Result()
		value := values[want.setting]
		if hidden(err) || err == nil && value == "" {
			return &PolicyError{want.setting, "hidden", "let this user run CONFIG GET, or set store.durability to \"declared\" if it is " + want.value}
		}
		if err != nil {
			return unavailable("ask redis for its configuration", err)
		}
		if !want.met(value) {
			return &PolicyError{want.setting, value, want.fix}
		}
	}
	return nil
}

// demand is what a setting of a server has to be.
type demand struct {
	setting, value, fix string
	met                 func(value string) bool
}

// policy is what Verified demands of a server.
func (db *DB) policy() []demand {
	is := func(want string) func(string) bool { return func(value string) bool { return value == want } }
	demands := []demand{
		{"maxmemory-policy", "noeviction", "set \"maxmemory-policy noeviction\", or revocations are evicted", is("noeviction")},
		{"appendonly", "yes", "set \"appendonly yes\", or revocations are lost with the process", is("yes")},
	}
	// In a cluster a primary that the others do not see stops by itself.
	if replicas := db.config.Replicas; replicas > 0 && db.config.Topology != Cluster {
		least := strconv.Itoa(replicas)
		demands = append(demands,
			demand{
				"min-replicas-to-write", least + " or more",
				"set \"min-replicas-to-write " + least + "\", or a primary that is cut off from its replicas goes on to accept what was revoked",
				func(value string) bool { n, err := strconv.Atoi(value); return err == nil && n >= replicas },
			},
			demand{
				"min-replicas-max-lag", "1 to 10", "set \"min-replicas-max-lag 10\" or less, the seconds for which such a primary may go on",
				func(value string) bool { n, err := strconv.Atoi(value); return err == nil && n > 0 && n <= 10 },
			})
	}
	return demands
}

// hidden reports whether the server answered, and refused.
func hidden(err error) bool {
	refusal, ok := errors.AsType[goredis.Error](err)
	return ok && (strings.HasPrefix(refusal.Error(), "NOPERM") || strings.HasPrefix(refusal.Error(), "ERR unknown"))
}

func checkInfo(info map[string]string) error {
	version := info["redis_version"]
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < 7 {
		return &PolicyError{"version", version, "use Redis 7.0 or later: older ones run scripts on a stale replica"}
	}
	if role := info["role"]; role != "master" {
		return &PolicyError{"role", role, "name the primary in store.url, not a replica"}
	}
	return nil
}

// parseInfo reads the lines "name:value" of INFO.
func parseInfo(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			out[name] = value
		}
	}
	return out
}
