package webhook_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/webhook"
)

// certificate is what the receivers under TLS have, and what the system trusts.
var certificate tls.Certificate

// TestMain lets the system trust certificate, as an operator would; or is the process
// that a test kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		panic(sendForever(dir, os.Getenv(crashURL)))
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "webhook")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		certificate = selfSigned()
		file := filepath.Join(dir, "ca.pem")
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}), 0o600); err != nil {
			panic(err)
		}
		if err := os.Setenv("SSL_CERT_FILE", file); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

func selfSigned() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "receiver"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// The capability stands in every URL, and the secrets sign: neither is ever logged.
const (
	capability = "capability-canary"
	newSecret  = "whsec_bmV3ZXItY2FuYXJ5LW5ld2VyLWNhbmFyeS0wMQ=="
	oldSecret  = "whsec_b2xkZXItY2FuYXJ5LW9sZGVyLWNhbmFyeS0wMQ=="
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// delivery is a request as a receiver got it.
type delivery struct {
	header http.Header
	body   []byte
}

func (d *delivery) id() string { return d.header.Get("webhook-id") }

// verify checks a delivery against one secret, as the specification tells receivers to.
func (d *delivery) verify(secret string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", d.id(), d.header.Get("webhook-timestamp"), d.body)
	for signature := range strings.SplitSeq(d.header.Get("webhook-signature"), " ") {
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature, "v1,"))
		if err == nil && hmac.Equal(sum, mac.Sum(nil)) {
			return true
		}
	}
	return false
}

// receiver is an HTTP server that keeps what it gets.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	got    []delivery
	answer func(w http.ResponseWriter, r *http.Request, n int) // nil: 204
}

func newReceiver(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil || request.Method != http.MethodPost {
		panic(fmt.Sprint(err, request.Method))
	}
	r.mu.Lock()
	r.got = append(r.got, delivery{request.Header, body})
	n := len(r.got)
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(w, request, n)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) deliveries() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]delivery{}, r.got...)
}

func (r *receiver) ids() []string {
	ids := []string{}
	for _, d := range r.deliveries() {
		ids = append(ids, d.id())
	}
	return ids
}

// first drops what came before.
func first(ids []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, id := range ids {
		if !seen[id] {
			out = append(out, id)
		}
		seen[id] = true
	}
	return out
}

// world is an audit folder, and processes over it.
type world struct {
	*testing.T

	dir  string
	logs *observer.ObservedLogs
	log  *zap.Logger
}

func newWorld(t *testing.T) *world {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	w := &world{T: t, dir: t.TempDir(), logs: logs, log: zap.New(core)}
	t.Cleanup(func() {
		var texts []string
		for _, entry := range logs.All() {
			texts = append(texts, entry.Message+fmt.Sprint(entry.ContextMap()))
		}
		entries, err := os.ReadDir(w.dir)
		require.NoError(t, err)
		for _, entry := range entries {
			text, err := os.ReadFile(filepath.Join(w.dir, entry.Name()))
			require.NoError(t, err)
			texts = append(texts, entry.Name()+string(text))
		}
		for _, text := range texts {
			for _, canary := range []string{capability, newSecret[6:], oldSecret[6:], "canary-newer", "canary-older"} {
				require.NotContains(t, text, canary)
			}
		}
	})
	return w
}

func (w *world) to(url string, change ...func(*webhook.Receiver)) webhook.Receiver {
	r := webhook.Receiver{
		Name: "webhooks[0]", URL: url + "/" + capability, Allowed: loopback,
		Secrets: func() (secret.Text, error) { return secret.New(newSecret + "\n" + oldSecret), nil },
	}
	for _, change := range change {
		change(&r)
	}
	return r
}

// process is a sink and what sends from it.
type process struct {
	*world

	sink   *audit.Sink
	sender *webhook.Sender
	stop   func()
}

func (w *world) start(receivers ...webhook.Receiver) *process {
	w.Helper()
	sink, err := audit.OpenSink(audit.Config{Dir: w.dir, Now: time.Now, SyncEvery: 20 * time.Millisecond})
	require.NoError(w, err)
	sender, err := webhook.New(webhook.Config{Receivers: receivers, Trail: sink, Dir: w.dir, Now: time.Now, Logger: w.log})
	require.NoError(w, err)
	sinking, endSink := context.WithCancel(context.Background())
	sending, endSender := context.WithCancel(context.Background())
	sunk, sent := make(chan error, 1), make(chan error, 1)
	go func() { sunk <- sink.Run(sinking) }()
	go func() { sent <- sender.Run(sending) }()
	stop := sync.OnceFunc(func() {
		endSender()
		require.NoError(w, <-sent)
		endSink()
		require.NoError(w, <-sunk)
	})
	w.Cleanup(stop)
	return &process{w, sink, sender, stop}
}

// record puts n revocations on disk and returns their ids.
func (p *process) record(n int) []string {
	p.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = id.New()
		require.NoError(p, p.sink.Record(audit.Event{ID: ids[i], Name: audit.TokenRevoked, PATID: id.New(), Reason: "other", Outcome: audit.Success}))
		require.NoError(p, p.sink.Record(audit.Event{Name: audit.TokenUsed, Outcome: audit.Success}))
	}
	require.NoError(p, p.sink.Flush(p.Context()))
	return ids
}

// wait polls until got is want.
func (w *world) wait(want []string, got func() []string) {
	w.Helper()
	require.Eventually(w, func() bool { return len(got()) >= len(want) }, 20*time.Second, 10*time.Millisecond, "%d of %d", len(got()), len(want))
	require.Equal(w, want, got())
}

// typeOf is a member of a body.
func member(t *testing.T, body []byte, name string) any {
	t.Helper()
	var members map[string]any
	require.NoError(t, json.Unmarshal(body, &members))
	return members[name]
}
