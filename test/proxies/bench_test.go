package proxies

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const (
	benchRounds = 7
	benchTurn   = 2 * time.Second
	benchConns  = 32
)

// constantAddr is the variable that makes this program the handler that is compared with.
const constantAddr = "PROXIES_CONSTANT"

func TestMain(m *testing.M) {
	if addr := os.Getenv(constantAddr); addr != "" {
		fmt.Fprintln(os.Stderr, http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Authorization", "Bearer x")
		})))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// BenchmarkBehindNginx compares auth_request to Cambio with auth_request to a handler that
// always answers 200 with a header, in turns, at 32 connections:
//
//	go test ./test/proxies -run '^$' -bench BehindNginx -benchtime 1x
func BenchmarkBehindNginx(b *testing.B) {
	nginx, dev := testenv.Need(b, "nginx"), benchDev(b)
	constant := fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(b))
	testenv.Start(b, []string{constantAddr + "=" + constant}, os.Args[0])
	addr, dir := fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(b)), b.TempDir()
	text := fmt.Sprintf(benchNginx, dir, addr, strings.TrimPrefix(dev.Addr, "http://"), constant, dev.Audience)
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(b, os.WriteFile(file, []byte(text), 0o600))
	process := testenv.Start(b, nil, nginx, "-e", "stderr", "-p", dir, "-c", file, "-g", "daemon off;")
	b.Cleanup(process.Stop)
	testenv.Wait(b, ready, func() bool { return once(b.Context(), "http://"+addr+"/constant", "") == http.StatusNoContent })
	token := dev.Users.Bob.PAT.Token
	require.Equal(b, http.StatusNoContent, once(b.Context(), "http://"+addr+"/cambio", token))
	for b.Loop() {
		var ratios, ours, theirs []float64
		for range benchRounds {
			cambio, floor := turn(b, "http://"+addr+"/cambio", token), turn(b, "http://"+addr+"/constant", token)
			ours, theirs, ratios = append(ours, cambio), append(theirs, floor), append(ratios, cambio/floor)
		}
		b.ReportMetric(median(ours), "cambio-req/s")
		b.ReportMetric(median(theirs), "constant-req/s")
		b.ReportMetric(median(ratios), "ratio")
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// benchDev starts the product with its log in a file, as in production, and not read here.
func benchDev(b *testing.B) *testenv.DevInfo {
	b.Helper()
	dir := b.TempDir()
	const script = `exec "$0" dev --json --addr 127.0.0.1:0 --tls-addr 127.0.0.1:0 --admin-addr 127.0.0.1:0 --data-dir "$1/data" 2>"$1/log"`
	process := testenv.Start(b, nil, testenv.Need(b, "sh"), "-c", script, testenv.Binary(b), dir)
	var info testenv.DevInfo
	testenv.Wait(b, ready, func() bool { return json.Unmarshal([]byte(process.Stdout()), &info) == nil })
	return &info
}

// turn loads a URL and returns the requests per second.
func turn(b *testing.B, url, token string) float64 {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), benchTurn)
	defer cancel()
	var done, failed atomic.Int64
	var work sync.WaitGroup
	for range benchConns {
		work.Go(func() {
			for ctx.Err() == nil {
				switch status := once(ctx, url, token); {
				case status == http.StatusNoContent:
					done.Add(1)
				case ctx.Err() == nil:
					failed.Add(1)
				}
			}
		})
	}
	work.Wait()
	require.Zero(b, failed.Load())
	return float64(done.Load()) / benchTurn.Seconds()
}

var benchClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchConns, DisableCompression: true}}

// once returns the status of one request; 0 if there is no answer.
func once(ctx context.Context, url, token string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := benchClient.Do(request)
	if err != nil {
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body) // the status counts
	return response.StatusCode
}

const benchNginx = `pid %[1]s/pid;
worker_processes 1;
events {}
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  upstream cambio { server %[3]s; keepalive 64; keepalive_requests 1000000000; }
  upstream constant { server %[4]s; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen %[2]s;
    location /cambio { auth_request /_cambio; auth_request_set $jwt $upstream_http_authorization; add_header X-Length $jwt; try_files /none =204; }
    location /constant { auth_request /_constant; auth_request_set $jwt $upstream_http_authorization; add_header X-Length $jwt; try_files /none =204; }
    location = /_cambio {
      internal; proxy_pass http://cambio/forward-auth?audience=%[5]s; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Forwarded-For $remote_addr;
    }
    location = /_constant {
      internal; proxy_pass http://constant/; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`
