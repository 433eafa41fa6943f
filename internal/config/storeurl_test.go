package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseStoreURL(t *testing.T) {
	for text, want := range map[string]struct {
		url   StoreURL
		print string
	}{
		"bolt:cambio.db":              {StoreURL{Kind: KindBolt, Path: "cambio.db"}, "bolt:cambio.db"},
		"bolt:../a/./b.db":            {StoreURL{Kind: KindBolt, Path: "../a/b.db"}, "bolt:../a/b.db"},
		"bolt:///var/lib/cambio.db":   {StoreURL{Kind: KindBolt, Path: "/var/lib/cambio.db"}, "bolt:///var/lib/cambio.db"},
		"bolt:/var/lib/cambio.db":     {StoreURL{Kind: KindBolt, Path: "/var/lib/cambio.db"}, "bolt:///var/lib/cambio.db"},
		"redis://localhost":           {StoreURL{Kind: KindRedis, Addrs: []string{"localhost:6379"}}, "redis://localhost:6379/0"},
		"redis://localhost:1/":        {StoreURL{Kind: KindRedis, Addrs: []string{"localhost:1"}}, "redis://localhost:1/0"},
		"rediss://app@[::1]:6380/15":  {StoreURL{Kind: KindRedis, TLS: true, Addrs: []string{"[::1]:6380"}, DB: 15, Username: "app"}, "rediss://app@[::1]:6380/15"},
		"redis://[::1]":               {StoreURL{Kind: KindRedis, Addrs: []string{"[::1]:6379"}}, "redis://[::1]:6379/0"},
		"redis+cluster://h1,h2:7":     {StoreURL{Kind: KindCluster, Addrs: []string{"h1:6379", "h2:7"}}, "redis+cluster://h1:6379,h2:7"},
		"rediss+cluster://h1/0":       {StoreURL{Kind: KindCluster, TLS: true, Addrs: []string{"h1:6379"}}, "rediss+cluster://h1:6379"},
		"redis+sentinel://h?master=m": {StoreURL{Kind: KindSentinel, Addrs: []string{"h:26379"}, Master: "m"}, "redis+sentinel://h:26379/0?master=m"},
		"rediss+sentinel://u@h1:26379,h2:26380/3?master=my-name": {
			StoreURL{Kind: KindSentinel, TLS: true, Addrs: []string{"h1:26379", "h2:26380"}, DB: 3, Username: "u", Master: "my-name"},
			"rediss+sentinel://u@h1:26379,h2:26380/3?master=my-name",
		},
	} {
		got, err := ParseStoreURL(text)
		require.NoError(t, err, text)
		require.Equal(t, want.url, got, text)
		require.Equal(t, want.print, got.String(), text)
	}
}

func TestParseStoreURLRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "no known scheme",
		"/var/lib/cambio.db":                 "no known scheme",
		"REDIS://h":                          "no known scheme",
		"redis:h":                            "no known scheme",
		"http://h":                           "no known scheme",
		"bolt:":                              "names no file",
		"bolt:///":                           "names no file",
		"bolt:a/":                            "names no file",
		"bolt:..":                            "names no file",
		"bolt://host/a":                      "names a host",
		"bolt:a?timeout=1":                   "has a query",
		"redis://":                           "host that is none",
		"redis://h:0":                        "host that is none",
		"redis://h:07":                       "host that is none",
		"redis://h:65536":                    "host that is none",
		"redis://h:":                         "host that is none",
		"redis://::1":                        "host that is none",
		"redis://[::1":                       "host that is none",
		"redis://[1.2.3.4]":                  "host that is none",
		"redis://a b":                        "host that is none",
		"redis+cluster://a,,b":               "host that is none",
		"redis://h#f":                        "host that is none",
		"redis://a,b":                        "several hosts",
		"redis://h/x":                        "database that is no number",
		"redis://h/01":                       "database that is no number",
		"redis://h/70000":                    "database that is no number",
		"redis://h/1/2":                      "database that is no number",
		"redis+cluster://h/1":                "only 0",
		"redis+sentinel://h":                 "name the primary",
		"redis+sentinel://h?master=":         "name the primary",
		"redis+sentinel://h?master=a&x=1":    "name the primary",
		"redis+sentinel://h?x=1&master=a":    "name the primary",
		"redis://h?db=1":                     "has a query",
		"redis://u:canary@h":                 "has a password",
		"redis://:canary@h":                  "has a password",
		"redis://u:can/ary@h":                "has a password",
		"redis://u:can@ary@h":                "has a password",
		"redis://u%3acanary@h":               "has a password",
		"redis://h?password=canary":          "has a query or a password",
		"redis+sentinel://u:canary@h/0?m":    "has a password",
		"redis+sentinel://h?password=canary": "has more in its query",
		"redis://@h":                         "user name that cannot be one",
		"redis://h\x00":                      "control characters",
	} {
		_, err := ParseStoreURL(text)
		require.ErrorIs(t, err, ErrStoreURL, text)
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "canary", text)
	}
}

func FuzzParseStoreURL(f *testing.F) {
	for _, seed := range []string{
		"bolt:a", "bolt:///a/b", "bolt:..", "redis://h", "rediss://u@[::1]:1/2", "redis+sentinel://a:1,b/0?master=m",
		"rediss+cluster://a,b:2", "redis://u:p@h", "redis://h/00", "redis://[::ffff:1.2.3.4]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseStoreURL(text)
		if err != nil {
			require.ErrorIs(t, err, ErrStoreURL)
			require.Zero(t, u)
			return
		}
		again, err := ParseStoreURL(u.String())
		require.NoError(t, err, "printed as %q", u.String())
		require.Equal(t, u, again)
		require.Equal(t, u.String(), again.String())
	})
}
