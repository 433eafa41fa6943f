package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/redis"
)

// each judges every server of Redis, or says why none can be.
func (p *patient) each(judge func(server *redis.Server) (string, []Finding)) outcome {
	switch {
	case p.settings == nil:
		return skip(noConfig)
	case p.embedded():
		return skip("the store is embedded")
	}
	found, err := p.redis()
	if err != nil {
		return skip("needs the servers, see store-reachable")
	}
	var looked []string
	var findings []Finding
	for i := range found.Servers {
		if found.Servers[i].Fault != nil {
			continue
		}
		text, wrong := judge(&found.Servers[i])
		findings = append(findings, wrong...)
		if text != "" {
			looked = append(looked, found.Servers[i].Addr+" "+text)
		}
	}
	if len(looked) == 0 && len(findings) == 0 {
		return skip("the servers do not tell, see store-reachable and store-permissions")
	}
	return seen(strings.Join(looked, "; "), findings...)
}

// cli is a command to a server of Redis, for one of its administrators.
func (p *patient) cli(addr string, words ...string) string {
	to := []string{"redis-cli"}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		to = append(to, "-s", addr)
	} else {
		to = append(to, "-h", host, "-p", port)
	}
	if p.settings.Store.URL.TLS {
		to = append(to, "--tls")
		if p.settings.Store.CAFile != "" {
			to = append(to, "--cacert", p.settings.Store.CAFile)
		}
	}
	return shell(append(to, words...)...)
}

// tune is the fix that gives a setting of a server another value.
func (p *patient) tune(server *redis.Server, setting, value string) Fix {
	return Fix{
		Text:    "as an administrator of Redis, and keep it by CONFIG REWRITE or as `" + setting + " " + value + "` in redis.conf",
		Command: p.cli(server.Addr, "CONFIG", "SET", setting, value),
	}
}

// demanded is FAIL where a server would not start, and else WARN.
func (p *patient) demanded(cause string, fix Fix) Finding {
	if p.settings.Store.Durability == config.DurabilityVerified {
		return fail(cause, fix)
	}
	return warn(cause, fix)
}

func checkVersion(_ context.Context, p *patient) outcome {
	return p.each(func(server *redis.Server) (string, []Finding) {
		version := server.Info["redis_version"]
		major, _, _ := strings.Cut(version, ".")
		n, err := strconv.Atoi(major)
		switch {
		case version == "":
			return "", nil
		case err != nil || n < 7:
			return version, []Finding{fail("it is older than 7.0, which runs scripts on a stale replica", say("upgrade Redis to 7.0 or later"))}
		case p.settings.Store.Confirm == config.ConfirmDisk && strings.HasPrefix(version, "7.0."):
			return version, []Finding{fail("it cannot tell what is on the disk (WAITAOF)", p.set("upgrade to 7.2 or later, or Valkey; or wait for memory alone", "store.confirm", "memory"))}
		}
		return version, nil
	})
}

func checkLayout(_ context.Context, p *patient) outcome {
	switch {
	case p.settings == nil:
		return skip(noConfig)
	case p.embedded():
		return skip("the store is embedded, see store-reachable")
	}
	found, err := p.redis()
	if err != nil {
		return skip("needs the servers, see store-reachable")
	}
	wrong, isLayout := errors.AsType[*redis.FormatError](found.LayoutErr)
	switch {
	case found.LayoutErr == nil:
		return seen("the layout of this program")
	case !isLayout:
		return skip("the servers do not tell, see store-reachable and store-permissions")
	case wrong.Later():
		return seen("layout "+wrong.Found, fail(wrong.Error()+": a later version of Cambio made it, and this one does not start",
			say("run the later version; to go back for good, restore the last backup from before into an empty Redis")))
	}
	return seen("layout "+wrong.Found, fail(wrong.Error()+": no later version of Cambio made it, and this one does not start",
		say("run the version that made it; if none did, restore the last backup into an empty Redis")))
}

func checkPermissions(_ context.Context, p *patient) outcome {
	return p.each(func(server *redis.Server) (string, []Finding) {
		if len(server.Lacks) == 0 {
			return "user " + p.user() + " lacks nothing", nil
		}
		cause := fmt.Sprintf("%s: the user %s lacks %s", server.Addr, p.user(), strings.Join(server.Lacks, " "))
		return "user " + p.user(), []Finding{fail(cause, Fix{
			Text:    "as an administrator of Redis, and keep it by ACL SAVE or in redis.conf; docs/operations.md has the whole line",
			Command: p.cli(server.Addr, append([]string{"ACL", "SETUSER", p.user()}, server.Lacks...)...),
		})}
	})
}

func checkEviction(_ context.Context, p *patient) outcome {
	const setting, want = "maxmemory-policy", "noeviction"
	return p.each(func(server *redis.Server) (string, []Finding) {
		value := server.Settings[setting]
		if value == "" || value == want {
			return value, nil
		}
		return value, []Finding{p.demanded(server.Addr+": revocations may be evicted", p.tune(server, setting, want))}
	})
}

func checkMemory(_ context.Context, p *patient) outcome {
	return p.each(func(server *redis.Server) (string, []Finding) {
		most, _ := strconv.ParseUint(server.Info["maxmemory"], 10, 64)
		used, err := strconv.ParseUint(server.Info["used_memory"], 10, 64)
		if err != nil {
			return "", nil
		}
		if most == 0 {
			return fmt.Sprintf("%d bytes used, no maxmemory", used), nil
		}
		looked := fmt.Sprintf("%d of %d bytes used", used, most)
		if used < most/10*9 {
			return looked, nil
		}
		return looked, []Finding{warn(server.Addr+": at maxmemory nothing can be made any more, only used and ended", p.tune(server, "maxmemory", strconv.FormatUint(2*max(used, most), 10)))}
	})
}

func checkAOF(_ context.Context, p *patient) outcome {
	return p.each(func(server *redis.Server) (string, []Finding) {
		on, fsync := server.Settings["appendonly"], server.Settings["appendfsync"]
		if on == "" {
			on = map[string]string{"1": "yes", "0": "no"}[server.Info["aof_enabled"]]
		}
		switch {
		case on == "":
			return "", nil
		case on != "yes":
			return "appendonly " + on, []Finding{p.demanded(server.Addr+": revocations are lost with the process", p.tune(server, "appendonly", "yes"))}
		case server.Info["aof_last_write_status"] == "err":
			return "appendonly yes", []Finding{fail(server.Addr+": the last write to the file failed", say("make room on its disk; its log says why"))}
		case fsync == "no":
			return "appendfsync no", []Finding{warn(server.Addr+": half a minute of revocations is lost with the machine", p.tune(server, "appendfsync", "everysec"))}
		}
		return "appendonly yes, appendfsync " + fsync, nil
	})
}

func checkDurability(_ context.Context, p *patient) outcome {
	switch {
	case p.settings == nil:
		return skip(noConfig)
	case p.embedded():
		return skip("the store is embedded, and each change on its disk")
	case p.settings.Store.Durability == config.DurabilityBestEffort:
		return seen("best-effort", warn("a change that was answered may be lost, and with it a revocation", p.set("have the servers' settings checked", "store.durability", "verified")))
	}
	return seen(string(p.settings.Store.Durability))
}

// mostLag is how long a replica may be silent before it is of no help.
const mostLag = 10 * time.Second

func checkReplication(_ context.Context, p *patient) outcome {
	return p.each(func(server *redis.Server) (string, []Finding) {
		role := server.Info["role"]
		if role == "" {
			return "", nil
		}
		if role != "master" {
			primary := net.JoinHostPort(server.Info["master_host"], server.Info["master_port"])
			to := p.settings.Store.URL
			to.Addrs = []string{primary}
			return role, []Finding{fail(server.Addr+" is a replica, of "+primary, p.set("name the primary", "store.url", to.String()))}
		}
		return fmt.Sprintf("%s with %d replicas", role, len(server.Replicas)), p.judgeReplicas(server)
	})
}

func (p *patient) judgeReplicas(server *redis.Server) []Finding {
	var findings []Finding
	online := 0
	for _, replica := range server.Replicas {
		if replica.Online && replica.Lag <= mostLag {
			online++
			continue
		}
		findings = append(findings, warn(fmt.Sprintf("the replica %s of %s lags %s behind, or is being filled", replica.Addr, server.Addr, replica.Lag), say("see its log, its disk and the network between")))
	}
	needed := p.settings.Store.Confirmations()
	if online < needed {
		findings = append(findings, fail(fmt.Sprintf("%d replicas of %s have to confirm each change, and %d follow: changes are answered 503", needed, server.Addr, online),
			say("start replicas of it: redis-cli -h REPLICA REPLICAOF "+strings.Replace(server.Addr, ":", " ", 1))))
	}
	if needed == 0 || p.settings.Store.URL.Kind == config.KindCluster {
		return findings
	}
	if n, err := strconv.Atoi(server.Settings["min-replicas-to-write"]); err == nil && n < needed {
		findings = append(findings, p.demanded(server.Addr+": a primary that is cut off from its replicas goes on to accept what was revoked", p.tune(server, "min-replicas-to-write", strconv.Itoa(needed))))
	}
	if n, err := strconv.Atoi(server.Settings["min-replicas-max-lag"]); err == nil && (n < 1 || n > 10) {
		findings = append(findings, p.demanded(fmt.Sprintf("%s: a primary that is cut off goes on for %d s", server.Addr, n), p.tune(server, "min-replicas-max-lag", "10")))
	}
	return findings
}

func checkStoreClock(_ context.Context, p *patient) outcome {
	const near = 5 * time.Second
	return p.each(func(server *redis.Server) (string, []Finding) {
		ahead := server.Ahead.Round(time.Millisecond)
		looked := fmt.Sprintf("ahead by %s", ahead)
		fix := run("keep the clocks of both machines by NTP", "timedatectl", "set-ntp", "true")
		switch {
		case ahead.Abs() > pat.MaxSkew:
			return looked, []Finding{fail(fmt.Sprintf("%s: the clocks differ by more than %s: nothing is decided", server.Addr, pat.MaxSkew), fix)}
		case ahead.Abs() > near:
			return looked, []Finding{warn(server.Addr+": the clocks drift apart", fix)}
		}
		return looked, nil
	})
}

func checkCluster(_ context.Context, p *patient) outcome {
	if p.settings != nil && p.settings.Store.URL.Kind != config.KindCluster {
		return skip("the store is no Cluster")
	}
	const setting, slots = "cluster-require-full-coverage", 16384
	first := true
	return p.each(func(server *redis.Server) (string, []Finding) {
		var findings []Finding
		value := server.Settings[setting]
		if value == "yes" {
			findings = append(findings, warn(server.Addr+": one lost shard stops all", p.tune(server, setting, "no")))
		}
		found, err := p.redis()
		if err == nil && first && found.Slots < slots {
			findings = append(findings, fail(fmt.Sprintf("%d of %d slots are served by no primary", slots-found.Slots, slots),
				Fix{Text: "bring the lost primary back; if it is gone for good, give its slots to others", Command: "echo yes | " + p.cli(server.Addr, "--cluster", "fix", server.Addr)}))
		}
		first = false
		return setting + " " + value, findings
	})
}

func checkSentinel(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	if p.settings.Store.URL.Kind != config.KindSentinel {
		return skip("the store has no sentinels")
	}
	found, err := p.redis()
	if err != nil {
		return skip("needs the sentinels, see store-reachable")
	}
	name := p.settings.Store.URL.Master
	var findings []Finding
	for i := range found.Watchers {
		watcher := &found.Watchers[i]
		majority := (watcher.Others+1)/2 + 1
		switch {
		case watcher.Fault != nil:
			findings = append(findings, warn(fmt.Sprintf("the sentinel %s does not answer: %v", watcher.Addr, watcher.Fault), say("start it, or mend store.url and store.sentinelPasswordFile")))
		case watcher.Unknown:
			findings = append(findings, fail(fmt.Sprintf("the sentinel %s watches no primary of the name %s", watcher.Addr, name), say("write the name that the sentinels have (SENTINEL MASTERS) into store.url as ?master=")))
		case watcher.NoQuorum != "" && watcher.Quorum > watcher.Others+1:
			findings = append(findings, fail(fmt.Sprintf("%s: %d sentinels have to agree, and there are %d: no replica is ever promoted", watcher.Addr, watcher.Quorum, watcher.Others+1),
				Fix{Text: "let a majority be enough", Command: p.cli(watcher.Addr, "SENTINEL", "SET", name, "quorum", strconv.Itoa(majority))}))
		case watcher.NoQuorum != "":
			findings = append(findings, fail(watcher.Addr+": "+watcher.NoQuorum, say("start the sentinels that are missing")))
		}
	}
	if len(found.Watchers) < 3 {
		findings = append(findings, warn("fewer than three sentinels are named: with one of two lost no replica is promoted", say("run three, and name them all in store.url")))
	}
	return seen(fmt.Sprintf("%d sentinels of %s", len(found.Watchers), name), findings...)
}
