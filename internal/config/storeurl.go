package config

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// ErrStoreURL is below every error of ParseStoreURL. The text says what is wrong
// and never repeats the URL.
var ErrStoreURL = errors.New("store URL")

// StoreKind is the kind of store a StoreURL names.
type StoreKind string

// The kinds of store, named as in the URL's scheme.
const (
	// KindBolt is one file, used by one process.
	KindBolt StoreKind = "bolt"
	// KindRedis is one Redis server.
	KindRedis StoreKind = "redis"
	// KindSentinel is a Redis primary found by Sentinel.
	KindSentinel StoreKind = "redis+sentinel"
	// KindCluster is a Redis Cluster.
	KindCluster StoreKind = "redis+cluster"
)

const (
	redisPort    = "6379"
	sentinelPort = "26379"
	maxDB        = 65535
)

// StoreURL names a store. It holds no password: there is no way to write one.
// The zero value names nothing.
type StoreURL struct {
	// Kind is the kind of store.
	Kind StoreKind
	// TLS reports whether the connection is encrypted; false for bolt.
	TLS bool
	// Path is the file of a bolt store, empty for the others.
	Path string
	// Addrs are host:port of the Redis server, the sentinels, or some nodes of
	// the cluster.
	Addrs []string
	// DB is the number of the Redis database; 0 for bolt and Cluster.
	DB int
	// Username is the Redis ACL user; empty is the default user.
	Username string
	// Master is the name Sentinel knows the primary by.
	Master string
}

// ParseStoreURL reads
//
//	bolt:relative/path, bolt:///absolute/path
//	redis://[user@]host[:port][/db]                      rediss:// for TLS
//	redis+sentinel://[user@]host[:port],…[/db]?master=…  rediss+sentinel://
//	redis+cluster://[user@]host[:port],…                 rediss+cluster://
//
// Ports default to 6379, those of sentinels to 26379. The error is below
// ErrStoreURL.
func ParseStoreURL(text string) (StoreURL, error) {
	u, f := parseStoreURL(text)
	return u, f.asError(ErrStoreURL)
}

func parseStoreURL(text string) (StoreURL, *fault) {
	if f := checkPrintable(text); f != nil {
		return StoreURL{}, f
	}
	if rest, ok := strings.CutPrefix(text, "bolt:"); ok {
		return parseBolt(rest)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return StoreURL{}, unknownScheme()
	}
	var kind StoreKind
	switch scheme {
	case "redis", "rediss":
		kind = KindRedis
	case "redis+sentinel", "rediss+sentinel":
		kind = KindSentinel
	case "redis+cluster", "rediss+cluster":
		kind = KindCluster
	default:
		return StoreURL{}, unknownScheme()
	}
	return parseRedis(kind, strings.HasPrefix(scheme, "rediss"), rest)
}

func unknownScheme() *fault {
	return &fault{"has no known scheme", "write bolt:PATH, redis://, rediss://, redis+sentinel:// or redis+cluster://"}
}

func parseBolt(rest string) (StoreURL, *fault) {
	path := rest
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		if !strings.HasPrefix(after, "/") {
			return StoreURL{}, &fault{"names a host for an embedded store", "write bolt:///absolute/path or bolt:relative/path"}
		}
		path = after
	}
	if strings.ContainsAny(path, "?#") {
		return StoreURL{}, &fault{"has a query or fragment, which an embedded store has none of", "remove it"}
	}
	clean := filepath.Clean(path)
	if base := filepath.Base(clean); path == "" || strings.HasSuffix(path, "/") || base == "." || base == ".." || base == "/" {
		return StoreURL{}, &fault{"names no file", "write bolt:PATH with the path of the database file"}
	}
	return StoreURL{Kind: KindBolt, Path: clean}, nil
}

var (
	hostName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)
	simpleName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)
)

// parseRedis reads what follows the scheme: [user@]hosts[/db][?master=name].
func parseRedis(kind StoreKind, tls bool, rest string) (StoreURL, *fault) {
	user, rest, f := cutUser(rest)
	if f != nil {
		return StoreURL{}, f
	}
	rest, query, hasQuery := strings.Cut(rest, "?")
	hosts, number, _ := strings.Cut(rest, "/")
	addrs, f := parseHosts(kind, hosts)
	if f != nil {
		return StoreURL{}, f
	}
	db, f := parseDB(kind, number)
	if f != nil {
		return StoreURL{}, f
	}
	master, f := parseQuery(kind, query, hasQuery)
	if f != nil {
		return StoreURL{}, f
	}
	return StoreURL{Kind: kind, TLS: tls, Addrs: addrs, DB: db, Username: user, Master: master}, nil
}

// cutUser parts user@ from what follows it, up to the last @, since a password
// may hold one.
func cutUser(text string) (user, rest string, f *fault) {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return "", text, nil
	}
	user, rest = text[:at], text[at+1:]
	if strings.ContainsAny(user, ":%@/") {
		return "", "", &fault{"has a password in it", "remove it and name a file with it in store.passwordFile"}
	}
	if !simpleName.MatchString(user) {
		return "", "", &fault{"has a user name that cannot be one", "use letters, digits, dot, underscore and hyphen"}
	}
	return user, rest, nil
}

func parseHosts(kind StoreKind, hosts string) ([]string, *fault) {
	defaultPort := redisPort
	if kind == KindSentinel {
		defaultPort = sentinelPort
	}
	var addrs []string
	for item := range strings.SplitSeq(hosts, ",") {
		addr, ok := parseHostPort(item, defaultPort)
		if !ok {
			return nil, &fault{"has a host that is none", "write host:port with a port from 1 to 65535, an IPv6 address in brackets"}
		}
		addrs = append(addrs, addr)
	}
	if kind == KindRedis && len(addrs) > 1 {
		return nil, &fault{"has several hosts for one server", "write one host, or redis+sentinel:// or redis+cluster://"}
	}
	return addrs, nil
}

// parseHostPort reads host, host:port, [v6] or [v6]:port.
func parseHostPort(text, defaultPort string) (string, bool) {
	host, port := text, defaultPort
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, ']') {
		host, port = text[:i], text[i+1:]
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
		return "", false
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		ip := net.ParseIP(inner)
		if !closed || ip == nil || !strings.Contains(inner, ":") {
			return "", false
		}
		return net.JoinHostPort(inner, port), true
	}
	return host + ":" + port, hostName.MatchString(host)
}

// parseDB reads the database's number; none is 0.
func parseDB(kind StoreKind, number string) (int, *fault) {
	if number == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n > maxDB || strconv.FormatUint(n, 10) != number {
		return 0, &fault{"has a database that is no number", fmt.Sprintf("write a number from 0 to %d after the slash", maxDB)}
	}
	if kind == KindCluster && n != 0 {
		return 0, &fault{"names a database, of which a cluster has only 0", "remove it"}
	}
	return int(n), nil
}

// parseQuery reads the one parameter there is, the name of Sentinel's primary.
func parseQuery(kind StoreKind, query string, present bool) (string, *fault) {
	if kind != KindSentinel {
		if present {
			return "", &fault{"has a query or a password in it", "remove it; a password goes into a file that store.passwordFile names"}
		}
		return "", nil
	}
	name, ok := strings.CutPrefix(query, "master=")
	if !ok || !simpleName.MatchString(name) {
		return "", &fault{"does not name the primary, or has more in its query", "end it with ?master=NAME, the name Sentinel knows the primary by"}
	}
	return name, nil
}

// String returns the URL in its one canonical form, which ParseStoreURL reads
// back to an equal value. The zero value gives the empty string.
func (u StoreURL) String() string {
	if u.Kind == "" {
		return ""
	}
	if u.Kind == KindBolt {
		if filepath.IsAbs(u.Path) {
			return "bolt://" + u.Path
		}
		return "bolt:" + u.Path
	}
	scheme := string(u.Kind)
	if u.TLS {
		scheme = "rediss" + strings.TrimPrefix(scheme, "redis")
	}
	text := scheme + "://"
	if u.Username != "" {
		text += u.Username + "@"
	}
	text += strings.Join(u.Addrs, ",")
	if u.Kind != KindCluster {
		text += "/" + strconv.Itoa(u.DB)
	}
	if u.Kind == KindSentinel {
		text += "?master=" + u.Master
	}
	return text
}

// MarshalText returns String.
func (u StoreURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText is ParseStoreURL.
func (u *StoreURL) UnmarshalText(text []byte) error {
	parsed, err := ParseStoreURL(string(text))
	if err != nil {
		return err
	}
	*u = parsed
	return nil
}
