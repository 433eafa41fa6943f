package redis

import (
	"context"
	"slices"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// permission is what the user of the servers has to be allowed, and a command that
// shows whether it is. The command is never carried out.
type permission struct {
	rule    string // as ACL SETUSER takes it
	command string // words; KEY stands for one of our keys
	needed  func(config *Config) bool
}

// keyRule is the permission to use our keys at all.
const keyRule = "~cambio:*"

// permissions are all that this package uses. docs/operations.md has them in one line.
func permissions() []permission {
	clustered := func(c *Config) bool { return c.Topology == Cluster }
	out := []permission{
		{"+evalsha", "EVALSHA x 1 KEY", nil},
		{"+eval", "EVAL x 1 KEY", nil},
		{"+script|load", "SCRIPT LOAD x", nil},
		{"+info", "INFO", nil},
		{"+time", "TIME", nil},
		{"+wait", "WAIT 0 0", nil},
		{"+waitaof", "WAITAOF 0 0 0", func(c *Config) bool { return c.Disk }},
		{"+config|get", "CONFIG GET maxmemory", func(c *Config) bool { return c.Durability == Verified }},
		{"+cluster|slots", "CLUSTER SLOTS", clustered},
		{"+command", "COMMAND", clustered},
		{"+select", "SELECT 1", func(c *Config) bool { return c.DB != 0 }},
	}
	for _, command := range []string{
		"GET KEY", "SET KEY v", "DEL KEY", "EXISTS KEY", "INCR KEY", "HGET KEY f", "HSET KEY f v", "HDEL KEY f", "HMGET KEY f", "HVALS KEY",
		"HLEN KEY", "HEXISTS KEY f", "HINCRBY KEY f 1", "SADD KEY m", "SREM KEY m", "SMEMBERS KEY", "ZADD KEY 1 m", "ZREM KEY m", "ZCOUNT KEY 0 1",
		"ZSCORE KEY m", "ZRANGE KEY 0 1", "ZREMRANGEBYSCORE KEY 0 1", "XADD KEY * f v", "XDEL KEY 1-1", "XLEN KEY", "XRANGE KEY - +",
		"PEXPIRE KEY 1", "PTTL KEY",
	} {
		name, _, _ := strings.Cut(command, " ")
		out = append(out, permission{"+" + strings.ToLower(name), command, nil})
	}
	return out
}

// tryOut asks the server, of version 7.0 or later, for each command whether the user
// may give it, without giving it: one number for each, 1 if so.
const tryOut = `local out, at = {}, 1
while at <= #ARGV do
  local words = {}
  for i = 1, tonumber(ARGV[at]) do words[i] = ARGV[at + i] end
  at = at + #words + 1
  local known, allowed = pcall(redis.acl_check_cmd, unpack(words))
  out[#out + 1] = (not known or allowed) and 1 or 0
end
return out`

// lacking returns what the user may not and has to. A command that the server does
// not know is none of its user's lacks.
func lacking(ctx context.Context, config *Config, client *goredis.Client) []string {
	needed := slices.DeleteFunc(permissions(), func(p permission) bool { return p.needed != nil && !p.needed(config) })
	var args []any
	for _, p := range needed {
		words := strings.Fields(strings.ReplaceAll(p.command, "KEY", key(cfg, "doctor")))
		args = append(args, len(words))
		for _, word := range words {
			args = append(args, word)
		}
	}
	answer, err := client.Eval(ctx, tryOut, nil, args...).Int64Slice()
	if err != nil || len(answer) != len(needed) {
		if hidden(err) {
			return []string{"+@scripting", "-script|flush", "-script|kill", "-function"}
		}
		return nil // it is older, or does not answer: others tell
	}
	var out []string
	keyed, denied := 0, 0
	for i, p := range needed {
		isKeyed := strings.Contains(p.command, "KEY")
		if isKeyed {
			keyed++
		}
		if answer[i] == 1 {
			continue
		}
		if isKeyed {
			denied++
		}
		out = append(out, p.rule)
	}
	if denied == keyed { // not each command: the keys
		out = append(slices.DeleteFunc(out, func(rule string) bool {
			return slices.ContainsFunc(needed, func(p permission) bool { return p.rule == rule && strings.Contains(p.command, "KEY") })
		}), keyRule)
	}
	return out
}
