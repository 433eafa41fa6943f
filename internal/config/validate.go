package config

import (
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// validate checks what no single value shows: what values mean, how they fit
// together, and the files they name.
func (l *loader) validate(cfg *Config) {
	for _, s := range l.rows {
		if _, given := l.problems.where[s.path]; s.required && !given {
			l.problems.add(s.path, &fault{causeMissing, "set it, such as " + s.example + ", here, as " + s.env() + " or as --" + s.flag()})
		}
	}
	l.problems.add("issuer", checkIssuer(cfg.Issuer))
	for _, file := range cfg.Catalogues {
		l.problems.add("catalogues", checkFile(file))
	}
	l.validateListen(cfg.Listen)
	l.validateStore(cfg.Store)
	l.problems.add("masterKey.file", checkPrivateFile(cfg.MasterKey.File))
	l.validateToken(cfg)
	l.validatePolicy(cfg.Policy)
	l.validateServices(cfg)
	l.validateLogin(&cfg.Login)
	if cfg.Console.Idle > cfg.Console.Lifetime {
		l.problems.add("console.idle", &fault{"is above console.lifetime", "lower it, or raise that"})
	}
	l.validateWebhooks(cfg)
	l.validateCredentials(cfg)
	l.validateRoutes(cfg)
	l.validateTelemetry(cfg.Telemetry)
	if cfg.Audit.Dir == "" {
		l.problems.add("audit.dir", &fault{"names no folder", "write the path of a folder for the audit files"})
	}
}

func (l *loader) validateListen(listen Listen) {
	l.problems.add("listen.addr", checkListenAddr(listen.Addr))
	if listen.AdminAddr != "" {
		l.problems.add("listen.adminAddr", checkListenAddr(listen.AdminAddr))
		if listen.AdminAddr == listen.Addr && !strings.HasSuffix(listen.Addr, ":0") {
			l.problems.add("listen.adminAddr", &fault{"is the address of the public listener", "give it a port of its own"})
		}
	}
	switch {
	case listen.TLSCert != "" && listen.TLSKey == "":
		l.problems.add("listen.tlsKey", &fault{"is missing beside listen.tlsCert", "set both, or neither for plain http"})
	case listen.TLSCert == "" && listen.TLSKey != "":
		l.problems.add("listen.tlsCert", &fault{"is missing beside listen.tlsKey", "set both, or neither for plain http"})
	case listen.TLS():
		l.problems.add("listen.tlsCert", checkFile(listen.TLSCert))
		l.problems.add("listen.tlsKey", checkFile(listen.TLSKey))
	case !isLoopbackAddr(listen.Addr) && len(listen.TrustedProxies) == 0:
		// RFC 6750 §5.3: tokens must not cross a network in the clear.
		l.problems.add("listen.addr", &fault{"is plain http on an address others can reach", "set listen.tlsCert and listen.tlsKey, or name the TLS proxies in front in listen.trustedProxies, or listen on 127.0.0.1"})
	default:
	}
	if slices.ContainsFunc(listen.TrustedProxies, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		l.problems.add("listen.trustedProxies", &fault{"trusts every address to say who the client is", "name the networks of your proxies"})
	}
}

func (l *loader) validateStore(store Store) {
	if store.PasswordFile != "" {
		if store.URL.Kind == KindBolt {
			l.problems.add("store.passwordFile", &fault{"is of no use to an embedded store", "remove it"})
		}
		l.problems.add("store.passwordFile", checkFile(store.PasswordFile))
	} else if store.URL.Username != "" {
		// without a password the client logs in as nobody, which is the default user
		l.problems.add("store.passwordFile", &fault{"is missing beside the user in store.url", "name the file with that user's password, or remove the user"})
	}
	if store.SentinelPasswordFile != "" {
		if store.URL.Kind != KindSentinel {
			l.problems.add("store.sentinelPasswordFile", &fault{"is of no use to a store without sentinels", "remove it"})
		}
		l.problems.add("store.sentinelPasswordFile", checkFile(store.SentinelPasswordFile))
	}
	if store.Confirm == ConfirmDisk && store.Durability == DurabilityBestEffort {
		l.problems.add("store.confirm", &fault{"asks for evidence, and store.durability for none", "remove one of the two"})
	}
	if store.CAFile != "" {
		if !store.URL.TLS {
			l.problems.add("store.caFile", &fault{"is of no use to a store without TLS", "remove it, or write rediss:// in store.url"})
		}
		l.problems.add("store.caFile", checkFile(store.CAFile))
	}
	if store.URL.Kind == KindBolt && store.Confirmations() > 0 {
		l.problems.add("store.replicas", &fault{"asks for replicas, of which an embedded store has none", "remove it"})
	}
}

func (l *loader) validateTelemetry(t Telemetry) {
	if t.TracesEndpoint == "" {
		return
	}
	u, err := url.Parse(t.TracesEndpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Path == "" || u.RawQuery != "" || u.Fragment != "" {
		l.problems.add("telemetry.tracesEndpoint", &fault{"is not the URL of a collector", "write such as http://127.0.0.1:4318/v1/traces"})
		return
	}
	if u.User != nil {
		l.problems.add("telemetry.tracesEndpoint", &fault{"has a user or password in it", "remove it, and give headers by OTEL_EXPORTER_OTLP_HEADERS"})
	}
}

var tokenPrefix = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}[a-z0-9]$`)

func (l *loader) validateToken(cfg *Config) {
	l.problems.add("token.prefixes", checkPrefixes(cfg.Token.Prefixes))
	audience := cfg.Token.DefaultAudience
	known := func(s Service) bool { return s.Audience == audience }
	if audience != "" && audience != cfg.Issuer+apiPath && !slices.ContainsFunc(cfg.Services, known) {
		l.problems.add("token.defaultAudience", &fault{"is none of the services", "add it to services, or name the audience of one of them"})
	}
}

func checkPrefixes(prefixes []string) *fault {
	if len(prefixes) == 0 {
		return &fault{"is empty", "name at least one prefix, such as cambio_pat"}
	}
	for _, p := range prefixes {
		if !tokenPrefix.MatchString(p) {
			return &fault{"has a prefix that cannot be one", "use 2 to 32 lower-case letters, digits and underscores, a letter first, no underscore last"}
		}
		for _, other := range prefixes {
			if strings.HasPrefix(other, p+"_") {
				return &fault{"has a prefix that begins another one", "remove or rename one, so that a token shows which it has"}
			}
		}
	}
	return nil
}

func (l *loader) validatePolicy(p Policy) {
	if len(p.DefaultScopes) == 0 {
		l.problems.add("policy.defaultScopes", &fault{"is empty", "write [sp:scopes:default] to give nothing that needs a right"})
	}
	if !allScopes(p.DefaultScopes) {
		l.problems.add("policy.defaultScopes", badScope())
	}
	if d := p.DefaultLifetimeSeconds; d != nil && p.MaxLifetimeSeconds > 0 && *d > p.MaxLifetimeSeconds {
		l.problems.add("policy.defaultLifetimeSeconds", &fault{"is above policy.maxLifetimeSeconds", "lower it, or raise that"})
	}
	if p.DefaultAccessTokenSeconds > p.MaxAccessTokenSeconds {
		l.problems.add("policy.defaultAccessTokenSeconds", &fault{"is above policy.maxAccessTokenSeconds", "lower it, or raise that"})
	}
}

// checkListenAddr checks host:port of a listener, where the host may be empty
// and the port 0.
func checkListenAddr(addr string) *fault {
	f := &fault{"is not host:port", `write such as "127.0.0.1:8080", or ":8443" for every interface`}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return f
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return f
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !hostName.MatchString(host) {
		return f
	}
	return nil
}

// isLoopbackAddr reports whether only this machine reaches the listener. A name
// other than localhost counts as reachable, whatever it resolves to today.
func isLoopbackAddr(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && isLoopbackHost(host)
}

func isLoopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// checkFile checks that path is a file one could read.
func checkFile(path string) *fault {
	info, err := os.Stat(path)
	if err != nil {
		return &fault{"names a file that is not there or not reachable", "create it, or mend the path (relative paths start at the configuration file, those of variables and flags at the working directory)"}
	}
	if !info.Mode().IsRegular() {
		return &fault{"names something that is no regular file", "name a file"}
	}
	return nil
}

// checkPrivateFile checks besides that nobody but the owner may read it. What is
// root's a group may read as well, which is how Kubernetes mounts a secret with
// fsGroup, and how a credential of systemd looks that has an access list. libpq has
// the same rule for its keys.
func checkPrivateFile(path string) *fault {
	if f := checkFile(path); f != nil {
		return f
	}
	info, err := os.Stat(path)
	others := fs.FileMode(0o077)
	if err == nil && ownedByRoot(info) {
		others = 0o037
	}
	if err != nil || info.Mode().Perm()&others != 0 {
		return &fault{"names a file that others than its owner may use", "chmod 0600 the file"}
	}
	return nil
}
