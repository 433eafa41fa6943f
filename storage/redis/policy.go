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

// Run looks at the server's configuration each minute until ctx ends, and then
// returns nil. While the configuration lacks what Durability demands, every
// operation fails with fault.ErrUnavailable and the *PolicyError; a server that
// cannot be asked changes nothing.
func (db *DB) Run(ctx context.Context) error {
	if db.durability != Verified {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(policyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			db.lookAgain(ctx)
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

// checkPolicy asks the server for what Durability demands. It fails with the
// first *PolicyError, or with fault.ErrUnavailable.
func (db *DB) checkPolicy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*callTimeout)
	defer cancel()
	if err := db.client.Ping(ctx).Err(); err != nil {
		return unavailable("reach redis", err)
	}
	if db.durability == BestEffort {
		db.log.Warn("redis durability is best-effort: a change that was answered may be lost, and with it a revocation")
		return nil
	}
	info, err := db.client.Info(ctx).Result()
	if err != nil {
		return unavailable("ask redis for INFO", err)
	}
	if err := checkInfo(parseInfo(info)); err != nil || db.durability == Declared {
		return err
	}
	for _, want := range []PolicyError{
		{"maxmemory-policy", "noeviction", "set \"maxmemory-policy noeviction\", or revocations are evicted"},
		{"appendonly", "yes", "set \"appendonly yes\", or revocations are lost with the process"},
	} {
		values, err := db.client.ConfigGet(ctx, want.Setting).Result()
		if hidden(err) || err == nil && values[want.Setting] == "" {
			return &PolicyError{want.Setting, "hidden", "let this user run CONFIG GET, or set store.durability to \"declared\" if it is " + want.Value}
		}
		if err != nil {
			return unavailable("ask redis for its configuration", err)
		}
		if values[want.Setting] != want.Value {
			return &PolicyError{want.Setting, values[want.Setting], want.Fix}
		}
	}
	return nil
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
