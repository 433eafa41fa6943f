package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/internal/secret"
)

// transport answers requests without a network.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func clientOf(t transport) *client {
	return newClient(&url.URL{Scheme: "http", Host: "h"}, t, credential{secret.New("x"), "CAMBIO_TOKEN"}, time.Now)
}

func busyThenOK(retryAfter string) (*client, *int) {
	tries := 0
	return clientOf(func(*http.Request) (*http.Response, error) {
		tries++
		if tries == 1 {
			return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {retryAfter}}, Body: http.NoBody}, nil
		}
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}"))}, nil
	}), &tries
}

func TestWaitsAsLongAsItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for told, want := range map[string]time.Duration{"10": 10 * time.Second, "11": -1, "soon": -1, start.Add(time.Hour).UTC().Format(http.TimeFormat): -1} {
			began := time.Now()
			c, tries := busyThenOK(told)
			_, err := c.send(t.Context(), request{method: http.MethodGet})
			if want < 0 {
				require.Error(t, err, told)
				require.Equal(t, 1, *tries, told)
				continue
			}
			require.NoError(t, err, told)
			require.Equal(t, want, time.Since(began), told)
		}
		began := time.Now()
		c, _ := busyThenOK(began.Add(5 * time.Second).UTC().Format(http.TimeFormat))
		_, err := c.send(t.Context(), request{method: http.MethodGet})
		require.NoError(t, err)
		require.Equal(t, 5*time.Second, time.Since(began))
	})
}

func TestStopsWaitingWhenInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c, tries := busyThenOK("10")
		_, err := c.send(ctx, request{method: http.MethodGet})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 1, *tries)
	})
}

func TestTroubles(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		code string
	}{
		"expired":      {x509.CertificateInvalidError{Reason: x509.Expired}, "tls_expired"},
		"bad usage":    {&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}}, "tls_untrusted"},
		"no TLS":       {tls.RecordHeaderError{Msg: "x"}, "tls_failed"},
		"alert":        {tls.AlertError(40), "tls_failed"},
		"timeout":      {os.ErrDeadlineExceeded, "timeout"},
		"unknown name": {&net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}, "unknown_host"},
		"anything":     {errors.New("x"), "unreachable"},
	} {
		c := clientOf(func(*http.Request) (*http.Response, error) { return nil, tc.err })
		_, err := c.send(t.Context(), request{method: http.MethodGet})
		e := asError(err)
		require.Equal(t, tc.code, e.Code, name)
		require.Equal(t, ExitUnreachable, e.Exit, name)
		require.NotEmpty(t, e.Fix, name)
	}
}

func TestRefusesEndlessAnswers(t *testing.T) {
	c := clientOf(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(&zeros{})}, nil
	})
	_, err := c.send(t.Context(), request{method: http.MethodGet})
	require.EqualError(t, err, "unexpected_answer: the answer is larger than 32 MiB")

	c = clientOf(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(io.MultiReader(strings.NewReader("{"), broken{}))}, nil
	})
	_, err = c.send(t.Context(), request{method: http.MethodGet})
	require.Equal(t, ExitUnreachable, asError(err).Exit)
	_, err = c.send(t.Context(), request{method: "no method"})
	require.Error(t, err)
}

type zeros struct{}

func (*zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestDescribeBuild(t *testing.T) {
	b := describeBuild(&debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-11-22T03:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}})
	require.Equal(t, build{"v1.2.3", "abc", "2026-11-22T03:00:00Z", true, "go1.26"}, b)
	text, err := b.table().render()
	require.NoError(t, err)
	require.Equal(t, "version   v1.2.3\nrevision  abc\ntime      2026-11-22T03:00:00Z\nmodified  yes\ngo        go1.26\n", string(text))
	require.Equal(t, "(devel)", describeBuild(&debug.BuildInfo{}).Version)
}

func TestParseSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "30d": 30 * day, "720h": 720 * time.Hour, "1y": 365 * day, "2w": 14 * day, "1d12h": 36 * time.Hour, "1y1w1d1h1m1s": 373*day + 3661*time.Second,
		"90m": 90 * time.Minute, "00030d": 30 * day, "292y": 292 * 365 * day,
	} {
		got, err := parseSpan(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "30", "d", "-1d", "+1d", "1.5h", "1 d", " 1d", "1d ", "1D", "1h1d", "1d1d", "1ms", "293y", "9223372036854775807s", "99999999999999999999d", "1d1", "٣d"} {
		_, err := parseSpan(text)
		require.ErrorIs(t, err, errSpan, text)
	}
}

func TestSpanRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := time.Duration(rapid.Int64Range(0, int64(292*365*day/time.Second)).Draw(t, "seconds")) * time.Second
		got, err := parseSpan(formatSpan(span))
		require.NoError(t, err)
		require.Equal(t, span, got)
	})
}

func FuzzParseSpan(f *testing.F) {
	for _, text := range []string{"30d", "720h", "1y", "1d12h", "0", "9223372036854775807s", "1h1d", "-1d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		span, err := parseSpan(text)
		if err != nil {
			require.ErrorIs(t, err, errSpan)
			return
		}
		require.GreaterOrEqual(t, span, time.Duration(0))
		again, err := parseSpan(formatSpan(span))
		require.NoError(t, err)
		require.Equal(t, span, again)
	})
}

func TestParseExpiry(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	for text, want := range map[string]any{
		"never": nil, "30d": "2026-12-22T03:00:00.000Z", "1y": "2027-11-22T03:00:00.000Z", "2027-01-31T00:00:00.5+02:00": "2027-01-30T22:00:00.500Z",
	} {
		got, err := parseExpiry(text, now)
		require.NoError(t, err, text)
		require.Equal(t, want, got.json(), text)
	}
	for _, text := range []string{"", "0", "0d", "tomorrow", "2027-01-31", "0001-01-01T00:00:00Z", "Never"} {
		_, err := parseExpiry(text, now)
		require.Error(t, err, text)
	}
}

func TestRoughly(t *testing.T) {
	for span, want := range map[time.Duration]string{
		13 * day: "13 days", 47 * time.Hour: "47 hours", 119 * time.Minute: "119 minutes", 119 * time.Second: "1 minute",
		time.Minute - 1: "less than a minute", -time.Hour: "less than a minute",
	} {
		require.Equal(t, want, roughly(span))
	}
}

func FuzzPrintable(f *testing.F) {
	for _, text := range []string{"ci", "Büro 日本", "\x1b[31m", "\u009b1m", "\u202eabc", "a\r\nb", "\xff\xfe", "\u2028", "\\x1b", "\x00", "\u200d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shown := printable(text)
		require.True(t, utf8.ValidString(shown))
		for _, r := range shown {
			require.True(t, unicode.IsPrint(r), "%U", r)
		}
		require.Equal(t, shown, printable(shown), "what is harmless stays as it is")
		if utf8.ValidString(text) && !strings.ContainsFunc(text, isHidden) {
			require.Equal(t, text, shown)
		}
	})
}

func TestJudgesTheOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, privateToken.judge(info, path, os.Geteuid()))
	if runtime.GOOS != "windows" {
		require.Equal(t, "token_file_foreign", asError(privateToken.judge(info, path, os.Geteuid()+1)).Code)
	}
}

// What is read is what was written, and nothing else makes a server.
func FuzzParseKept(f *testing.F) {
	for _, text := range []string{
		"https://sts.example.com\n", `{"server":"https://a","caFile":"/ca.pem"}`, `{"server":"http://a","insecureHttp":true}`, `{"caFile":"/x"}`, "{", "", `{"server":"{"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		k, ok := parseKept(text)
		if !ok {
			require.True(t, bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")))
			return
		}
		if k.Server != strings.TrimSpace(k.Server) || !utf8.ValidString(k.Server) || strings.HasPrefix(k.Server, "{") {
			return // no address, which is told later
		}
		written, err := k.text()
		require.NoError(t, err)
		again, ok := parseKept([]byte(written + "\n"))
		require.True(t, ok)
		require.Equal(t, k, again)
	})
}

// What a hostile server answers is the same JSON, and the same as YAML, yet nothing in
// it steers a terminal.
func FuzzEscaped(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,null,"ci \u202e"]}`, "{\"a\u202eb\":\"\u009b1m\u2028\ufeff\x7f\"}", "[\"\\\\\u202e\", \"a\\r\\nb\u2066\"]\r\n", "\"\xff\x9b\"",
		"\"\\n \u200f\\t\"", "[\"\u0085\", \"#\u202e\", \"- |\\n\\r\"]", `{"x":"می\u200cخواهم"}`, "\t\"\"\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want any
		if json.Unmarshal(body, &want) != nil {
			return
		}
		shown := escaped(body)
		if utf8.Valid(body) && !bytes.ContainsFunc(body, steersTerminal) {
			require.Equal(t, string(body), string(shown), "what is harmless stays as it is")
		}
		require.True(t, utf8.Valid(shown))
		require.False(t, bytes.ContainsFunc(shown, steersTerminal), "%q", shown)
		var got any
		require.NoError(t, json.Unmarshal(shown, &got))
		require.Equal(t, want, got)

		var out bytes.Buffer
		c := &call{env: Env{Stdout: &out}}
		if c.printYAML([][]byte{body}) != nil {
			return
		}
		require.False(t, bytes.ContainsFunc(out.Bytes(), func(r rune) bool { return steersTerminal(r) || r == '\r' }), "%q", out.Bytes())
		if text, ok := want.(string); ok {
			var read string
			require.NoError(t, yaml.Unmarshal(out.Bytes(), &read), "%q", out.Bytes())
			require.Equal(t, text, read)
		}
	})
}

func FuzzTable(f *testing.F) {
	f.Add("a", "\x1b[2J")
	f.Add("日本", "\u202e")
	f.Add("", "  ")
	f.Fuzz(func(t *testing.T, left, right string) {
		for _, header := range [][]string{nil, {"A", "B"}} {
			shown := &table{header: header, footer: right}
			shown.add(left, right)
			text, err := shown.render()
			require.NoError(t, err)
			for r := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n") {
				require.False(t, strings.ContainsFunc(r, isHidden), "%q", r)
			}
		}
	})
}

func TestMembersAndYAML(t *testing.T) {
	for _, bad := range []string{``, `[]`, `{`, `{"a":`, `{"a":1`, `{"a" 1}`} {
		_, err := members([]byte(bad))
		require.Error(t, err, bad)
	}
	require.Equal(t, "a b", cellOf([]byte(`["a","b"]`)))
	require.Equal(t, "null", cellOf([]byte(`null`)))
	require.Equal(t, `{"a":1}`, cellOf([]byte(`{"a":1}`)))
	for _, bad := range []string{``, `{`, `[1`, `{"a":}`} {
		c := &call{env: Env{Stdout: io.Discard}}
		require.Error(t, c.printYAML([][]byte{[]byte(bad)}), bad)
	}
	var out strings.Builder
	c := &call{env: Env{Stdout: &out}}
	require.NoError(t, c.printYAML([][]byte{[]byte(`{"z":[],"a":{"n":1.50,"t":true,"x":null,"s":"no"}}`), []byte(`{}`)}))
	require.Equal(t, "z: []\na:\n  \"n\": 1.50\n  t: true\n  x: null\n  s: \"no\"\n---\n{}\n", out.String())
}

// TestReplaced has exactly the given members replaced.
func TestReplaced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		objects := rapid.MapOf(rapid.String(), rapid.Int())
		present, given := objects.Draw(t, "present"), objects.Draw(t, "given")
		object, err := json.Marshal(present)
		require.NoError(t, err)
		raw := map[string]json.RawMessage{}
		for name, value := range given {
			raw[name] = json.RawMessage(strconv.Itoa(value))
		}
		body, err := replaced(object, raw)
		require.NoError(t, err)
		want := maps.Clone(present)
		maps.Copy(want, given)
		var got map[string]int
		require.NoError(t, json.Unmarshal(body, &got))
		require.Equal(t, want, got)
	})
	_, err := replaced([]byte("[]"), nil)
	require.Error(t, err)
}

// TestFilterText has a filter hold nothing but the text, whatever is in it.
func TestFilterText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		inside := strings.TrimSuffix(strings.TrimPrefix(filterText(text), `"`), `"`)
		require.Equal(t, text, strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(inside))
		require.NotContains(t, strings.NewReplacer(`\\`, "", `\"`, "").Replace(inside), `"`)
	})
}
