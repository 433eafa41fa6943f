package main_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/metrics"
	"github.com/cambio-sts/cambio/internal/testenv"
)

// series are the values of a scrape by name and labels.
type series map[string]float64

// scrape returns the metrics of a server, and their text.
func scrape(t *testing.T, client *http.Client, admin string) (series, string) {
	t.Helper()
	response, err := client.Get(admin + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	found := series{}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		name, value, ok := cutLast(lines.Text())
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		found[name], err = strconv.ParseFloat(value, 64)
		require.NoError(t, err, lines.Text())
	}
	return found, string(text)
}

// cutLast parts a line at its last space.
func cutLast(line string) (before, after string, found bool) {
	i := strings.LastIndexByte(line, ' ')
	if i < 0 {
		return "", "", false
	}
	return line[:i], line[i+1:], true
}

// rose returns by how much series of the product rose that did; durations are left out, as
// nobody knows them before, and so is what rises by itself.
func (s series) rose(before series) series {
	out := series{}
	for name, value := range s {
		if strings.Contains(name, "_seconds") && !strings.Contains(name, "_seconds_count") || !strings.HasPrefix(name, "cambio_") {
			continue
		}
		byItself := []string{".list", ".scan", "catalog.", "keys.", "outbox.", "cambio_audit_", "cambio_outbox_", "cambio_job_", "cambio_redis_", "cambio_forward_auth_"}
		if slices.ContainsFunc(byItself, func(part string) bool { return strings.Contains(name, part) }) {
			continue
		}
		if by := value - before[name]; by != 0 {
			out[name] = by
		}
	}
	return out
}

// A few requests are counted, each once, as what it was.
func TestMetricsAreExact(t *testing.T) {
	onStores(t, func(t *testing.T, args ...string) {
		t.Helper()
		server := testenv.Dev(t, args...)
		client, alice := server.Client(), server.Info.Users.Alice.PAT.Token
		exchange(t, client, server.Info.Addr, alice) // when it was last used is written once a day, when it was last seen too
		before, _ := scrape(t, client, server.Info.AdminAddr)
		for range 3 {
			status, _ := exchange(t, client, server.Info.Addr, alice)
			require.Equal(t, http.StatusOK, status)
		}
		for _, wrong := range []string{otherSecret(t, client, server), "cambio_pat_x", "cambio_pat_y"} {
			status, _ := exchange(t, client, server.Info.Addr, wrong)
			require.Equal(t, http.StatusBadRequest, status)
		}
		get(t, client, server.Info.Addr+"/api/v1/personal-access-tokens/"+server.Info.Users.Alice.PAT.ID, alice)
		var rose series
		testenv.Wait(t, 5*time.Second, func() bool { // a request ends a moment after its answer
			after, _ := scrape(t, client, server.Info.AdminAddr)
			rose = after.rose(before)
			return rose[`cambio_http_request_duration_seconds_count{door="api",status="2xx"}`] >= 3
		})
		require.Equal(t, series{
			`cambio_http_requests_total{door="oauth",route="/oauth2/token",status="2xx"}`:                            3,
			`cambio_http_requests_total{door="oauth",route="/oauth2/token",status="4xx"}`:                            3,
			`cambio_http_requests_total{door="api",route="POST /api/v1/personal-access-tokens",status="2xx"}`:        1,
			`cambio_http_requests_total{door="api",route="DELETE /api/v1/personal-access-tokens/{id}",status="2xx"}`: 1,
			`cambio_http_requests_total{door="api",route="GET /api/v1/personal-access-tokens/{id}",status="2xx"}`:    1,
			`cambio_http_request_duration_seconds_count{door="oauth",status="2xx"}`:                                  3,
			`cambio_http_request_duration_seconds_count{door="oauth",status="4xx"}`:                                  3,
			`cambio_http_request_duration_seconds_count{door="api",status="2xx"}`:                                    3,
			`cambio_uses_total{cause="none",outcome="success",use="exchange"}`:                                       3,
			`cambio_uses_total{cause="malformed",outcome="refused",use="exchange"}`:                                  2,
			`cambio_uses_total{cause="unknown_or_wrong_secret",outcome="refused",use="exchange"}`:                    1,
			`cambio_uses_total{cause="none",outcome="success",use="authenticate"}`:                                   3,
			`cambio_use_duration_seconds_count{use="exchange"}`:                                                      6,
			`cambio_use_duration_seconds_count{use="authenticate"}`:                                                  3,
			`cambio_store_call_duration_seconds_count{op="uses.use"}`:                                                7,
			`cambio_store_call_duration_seconds_count{op="uses.touch"}`:                                              2,
			`cambio_store_call_duration_seconds_count{op="pats.find"}`:                                               3,
			`cambio_store_call_duration_seconds_count{op="pats.create"}`:                                             1,
			`cambio_store_call_duration_seconds_count{op="pats.delete"}`:                                             1,
		}, rose)
	})
}

// otherSecret is a token that was well formed and is gone.
func otherSecret(t *testing.T, client *http.Client, server *testenv.DevServer) string {
	t.Helper()
	made := create(t, client, server.Info.Addr, server.Info.Users.Bob.PAT.Token, map[string]any{"name": "gone"})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, server.Info.Addr+"/api/v1/personal-access-tokens/"+made.ID, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+server.Info.Users.Bob.PAT.Token)
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNoContent, response.StatusCode)
	return made.Token
}

// What the server tells is what the table says, in names that Prometheus likes.
func TestMetricsAreAsTheTableSays(t *testing.T) {
	onStores(t, func(t *testing.T, args ...string) {
		t.Helper()
		server := testenv.Dev(t, args...)
		exchange(t, server.Client(), server.Info.Addr, server.Info.Users.Alice.PAT.Token)
		_, text := scrape(t, server.Client(), server.Info.AdminAddr)
		problems, err := promlint.New(strings.NewReader(text)).Lint()
		require.NoError(t, err)
		require.Empty(t, problems)
		told := map[string]string{}
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "# TYPE "); ok {
				name, kind, _ := strings.Cut(rest, " ")
				told[name] = kind
			}
		}
		for _, family := range metrics.Families() {
			elsewhere := len(args) == 0 && strings.HasPrefix(family.Name, "cambio_redis_") ||
				strings.HasPrefix(family.Name, "cambio_webhook_") || family.Name == metrics.CertificateExpiry || family.Name == metrics.TraceSpans
			if !elsewhere {
				require.Equal(t, string(family.Kind), told[family.Name], family.Name)
			}
			delete(told, family.Name)
		}
		for name := range told {
			require.Regexp(t, "^(go|process|promhttp)_", name)
		}
		require.Contains(t, text, "\ncambio_key_ring_ready 1\n")
		require.Contains(t, text, "\ncambio_audit_sink_ready 1\n")
		require.Regexp(t, `\ncambio_signing_key_next_rotation_timestamp_seconds\{alg="ES256"\} 1\.`, text)
		require.Contains(t, text, "\ncambio_signing_key_successor_published{alg=\"ES256\"} 1\n")
		if len(args) > 0 {
			require.Contains(t, text, "\ncambio_redis_session_serving 1\n")
			require.Contains(t, text, "\ncambio_redis_sessions_total 1\n")
		}
	})
}

// A thousand paths, ids and methods make no series that the first of them did not make.
func TestMetricsHaveNoEnd(t *testing.T) {
	server := testenv.Dev(t)
	client, token := server.Client(), server.Info.Users.Alice.PAT.Token
	send := func(i int) {
		for _, path := range []string{"/%032x", "/api/v1/personal-access-tokens/%032x", "/scim/v2/Users/%032x", "/forward-auth/%032x?x=%[1]d", "/console/%032x", "/revocations?since=%d"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.Info.Addr+fmt.Sprintf(path, i), nil)
			require.NoError(t, err)
			request.Header.Set("User-Agent", fmt.Sprint("agent", i))
			if i%2 == 0 {
				request.Header.Set("Authorization", "Bearer "+token)
			}
			if strings.HasPrefix(path, "/%") {
				request.Method = fmt.Sprint("M", i)
			}
			response, err := client.Do(request)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
		}
	}
	for i := range 120 { // past the limit of requests, so that 429 has been answered too
		send(i)
	}
	names := func() []string {
		found, _ := scrape(t, client, server.Info.AdminAddr)
		maps.DeleteFunc(found, func(name string, _ float64) bool { return !strings.HasPrefix(name, "cambio_") })
		return slices.Sorted(maps.Keys(found))
	}
	before := names()
	for i := range 1000 {
		send(1000 + i)
	}
	require.Equal(t, before, names())
	require.Less(t, len(before), 2500)
}
