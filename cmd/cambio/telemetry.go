package main

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/forwardauth"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/metrics"
	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/internal/tracing"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage/door"
	"github.com/cambio-sts/cambio/revocations"
	"github.com/cambio-sts/cambio/storage/observed"
	"github.com/cambio-sts/cambio/storage/redis"
)

const (
	// pathMetrics is where the admin listener serves them.
	pathMetrics = "/metrics"
	// traceGrace is how long the end waits for the collector.
	traceGrace = 2 * time.Second
)

// listenerPublic is the listener of listen.addr, as metrics name it.
const listenerPublic = "public"

// What is limited, as metrics name it.
const (
	limitFailures = "failures"
	limitRequests = "requests"
	limitLogins   = "logins"
)

var (
	_ exchange.Observer = (*metrics.Metrics)(nil)
	_ observed.Observer = (*metrics.Metrics)(nil)
)

// openTelemetry makes the metrics and the tracer, those that are configured.
func (n *node) openTelemetry(ctx context.Context) error {
	settings := &n.config.Telemetry
	if settings.Metrics && n.config.Listen.AdminAddr != "" {
		causes := []metrics.Cause{}
		for _, outcome := range exchange.Outcomes() {
			causes = append(causes, metrics.Cause(outcome))
		}
		names := []string{}
		for _, job := range n.jobs() {
			names = append(names, jobLabel(job.Name))
		}
		n.metrics = metrics.New(metrics.Config{
			Version: cli.BareVersion(), GoVersion: runtime.Version(), Door: doorOf, Ops: observed.Ops(), Uses: exchange.Uses(), Causes: causes,
			Limits: []string{limitFailures, limitRequests, limitLogins}, Jobs: names, Now: time.Now,
		})
	}
	if settings.TracesEndpoint == "" {
		return nil
	}
	var err error
	n.tracer, err = tracing.New(ctx, tracing.Config{
		Endpoint: settings.TracesEndpoint, Ratio: settings.TracesRatio, Version: cli.BareVersion(), Logger: n.logger,
	})
	return err
}

// observe puts what observes between the store and who uses it; nothing if nobody does.
func (n *node) observe() ports {
	if n.metrics == nil && n.tracer == nil {
		return n.store
	}
	return observed.New(n.store, n.metrics, time.Now)
}

// useObserver and requestObserver are the metrics, or nobody: then the time is not taken.
func (n *node) useObserver() exchange.Observer {
	if n.metrics == nil {
		return nil
	}
	return n.metrics
}

func (n *node) requestObserver() httpx.Observer {
	if n.metrics == nil {
		return nil
	}
	return n.metrics
}

// endTracing sends what waits. A collector that is gone is nothing to fail for.
func (n *node) endTracing(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceGrace)
	defer cancel()
	_ = n.tracer.Close(ctx)
}

// doorOf returns the door of a route: a pattern, or a word for none.
func doorOf(route string) string {
	if method, path, found := strings.Cut(route, " "); found && !strings.Contains(method, "/") {
		route = path
	}
	if route == "/" || !strings.HasPrefix(route, "/") {
		return "none"
	}
	switch first, _, _ := strings.Cut(route[1:], "/"); first {
	case "oauth", "oauth2", ".well-known":
		return "oauth"
	case strings.TrimPrefix(revocations.Path, "/"):
		return "revocations"
	case strings.TrimPrefix(forwardauth.Path, "/"):
		return "forward-auth"
	case "scim", "console":
		return first
	case "livez", "readyz":
		return "health"
	default:
		return "api"
	}
}

// jobLabel is the name of a job as a label.
func jobLabel(name string) string { return strings.ReplaceAll(name, " ", "_") }

// readDoors has what the doors and what is behind them know read at each scrape.
func (n *node) readDoors(proxied *forwardauth.Door, feed *revocations.Feed) {
	if n.metrics == nil {
		return
	}
	n.metrics.AddSource(n.readKeys)
	n.metrics.AddSource(n.readCertificates)
	n.metrics.AddSource(n.readAudit)
	n.metrics.AddSource(n.readWebhooks)
	if db, ok := n.store.(*redis.DB); ok {
		n.metrics.AddSource(func(emit metrics.Emit) { readRedis(db.Health(), emit) })
	}
	n.metrics.AddSource(func(emit metrics.Emit) {
		kept := proxied.Kept()
		emit(metrics.ForwardAuthHits, float64(kept.Hits))
		emit(metrics.ForwardAuthMisses, float64(kept.Misses))
		emit(metrics.ForwardAuthEntries, float64(kept.Entries))
		emit(metrics.ForwardAuthBytes, float64(kept.Bytes))
		state := feed.State()
		emit(metrics.FeedWaiting, float64(state.Waiting))
		emit(metrics.FeedEntries, float64(state.Entries))
		emit(metrics.FeedRead, unix(state.Read))
	})
	if n.tracer != nil {
		n.metrics.AddSource(func(emit metrics.Emit) {
			taken, failed := n.tracer.Sent()
			emit(metrics.TraceSpans, float64(taken), "taken")
			emit(metrics.TraceSpans, float64(failed), "failed")
		})
	}
}

func (n *node) readKeys(emit metrics.Emit) {
	now := time.Now()
	emit(metrics.KeyRingReady, truth(n.ring.Ready(now) == nil))
	type kind struct {
		alg   keys.Alg
		state keys.State
	}
	counts := map[kind]int{}
	active, next := map[keys.Alg]keys.Info{}, map[keys.Alg]bool{}
	for _, key := range n.ring.List() {
		counts[kind{key.Alg, key.State}]++
		next[key.Alg] = next[key.Alg] || key.State == keys.Published
		if key.State == keys.Active && !active[key.Alg].ActiveFrom.After(key.ActiveFrom) {
			active[key.Alg] = key
		}
	}
	for of, count := range counts {
		emit(metrics.SigningKeys, float64(count), string(of.alg), string(of.state))
	}
	for alg, key := range active {
		emit(metrics.SigningKeyAge, now.Sub(key.Created).Seconds(), string(alg))
		emit(metrics.SigningKeyRotation, unix(key.RetireFrom), string(alg))
	}
	for _, alg := range algorithms(n.config) {
		emit(metrics.SigningKeyNext, truth(next[alg]), string(alg))
	}
}

// readCertificates tells of the certificate that is presented, not of the one in the
// file, which may be of no use.
func (n *node) readCertificates(emit metrics.Emit) {
	if n.certificates != nil {
		emit(metrics.CertificateExpiry, unix(n.certificates.expiry()), listenerPublic)
	}
}

func (n *node) readAudit(emit metrics.Emit) {
	sink, shipper := n.sink.State(), n.shipper.State()
	emit(metrics.AuditReady, truth(sink.Ready))
	emit(metrics.AuditWaiting, float64(sink.Waiting))
	emit(metrics.AuditEvents, float64(sink.Accepted))
	emit(metrics.AuditRefused, float64(sink.Refused))
	emit(metrics.AuditFailures, float64(sink.Failures))
	emit(metrics.OutboxBacklog, float64(shipper.Backlog))
	emit(metrics.OutboxOldest, unix(shipper.Oldest))
	emit(metrics.OutboxShipped, float64(shipper.Shipped))
	emit(metrics.OutboxFailing, truth(shipper.Failing))
}

// readWebhooks names receivers by their place: the rest of a URL may be a capability.
func (n *node) readWebhooks(emit metrics.Emit) {
	for i, state := range n.webhooks.States() {
		receiver := strconv.Itoa(i)
		emit(metrics.WebhookFailing, unix(state.FailingSince), receiver)
		emit(metrics.WebhookSent, float64(state.Delivered), receiver)
		emit(metrics.WebhookFailures, float64(state.Failed), receiver)
		emit(metrics.WebhookGivenUp, float64(state.GivenUp), receiver)
	}
}

func readRedis(health redis.Health, emit metrics.Emit) {
	emit(metrics.RedisServing, truth(health.Serving))
	emit(metrics.RedisSessions, float64(health.Sessions))
	emit(metrics.RedisWritable, truth(health.Writable))
	emit(metrics.RedisUnconfirmed, float64(health.Unconfirmed))
	emit(metrics.RedisReplicas, float64(health.Replicas))
	emit(metrics.RedisRemembered, float64(health.Remembered))
	emit(metrics.RedisPolicy, truth(health.Accepted))
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// unix returns a time as seconds since 1970; 0 for none.
func unix(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMilli()) / float64(time.Second/time.Millisecond)
}

// countedThrottle counts the failures that are too many.
type countedThrottle struct {
	*throttle.Throttle

	metrics *metrics.Metrics
	limit   string
}

// Failed implements exchange.Throttle.
func (c countedThrottle) Failed(from netip.Addr, key string) (retryAfter time.Duration, limited bool) {
	retryAfter, limited = c.Throttle.Failed(from, key)
	if limited {
		c.metrics.Refused(c.limit)
	}
	return retryAfter, limited
}

// countedLimiter counts the requests that are too many.
type countedLimiter struct {
	door.Limiter

	metrics *metrics.Metrics
}

// Allow implements door.Limiter.
func (c countedLimiter) Allow(ctx context.Context, token, mount string) (throttle.Quota, error) {
	quota, err := c.Limiter.Allow(ctx, token, mount)
	if err == nil && quota.RetryAfter > 0 {
		c.metrics.Refused(limitRequests)
	}
	return quota, err
}

// jobEnded tells of a run; a process that ends in the middle of one has not failed at it.
func (n *node) jobEnded(name string, err error) {
	if !errors.Is(err, context.Canceled) {
		n.metrics.JobEnded(jobLabel(name), err)
	}
}
