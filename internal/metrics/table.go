package metrics

import "slices"

// Kind is the type of a metric.
type Kind string

// The kinds.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Family is one metric: all its series.
type Family struct {
	Name   string
	Kind   Kind
	Unit   string // of its value
	Labels []string
	Help   string
}

// Names of the metrics that Sources give.
const (
	SigningKeys        = "cambio_signing_keys"
	SigningKeyAge      = "cambio_signing_key_age_seconds"
	SigningKeyRotation = "cambio_signing_key_next_rotation_timestamp_seconds"
	SigningKeyNext     = "cambio_signing_key_successor_published"
	KeyRingReady       = "cambio_key_ring_ready"

	CertificateExpiry = "cambio_tls_certificate_expiry_timestamp_seconds"

	AuditReady      = "cambio_audit_sink_ready"
	AuditWaiting    = "cambio_audit_events_waiting"
	AuditEvents     = "cambio_audit_events_total"
	AuditRefused    = "cambio_audit_events_refused_total"
	AuditFailures   = "cambio_audit_write_failures_total"
	OutboxBacklog   = "cambio_outbox_backlog_events"
	OutboxOldest    = "cambio_outbox_oldest_event_timestamp_seconds"
	OutboxShipped   = "cambio_outbox_shipped_events_total"
	OutboxFailing   = "cambio_outbox_failing"
	WebhookFailing  = "cambio_webhook_failing_since_timestamp_seconds"
	WebhookSent     = "cambio_webhook_delivered_events_total"
	WebhookFailures = "cambio_webhook_failed_attempts_total"
	WebhookGivenUp  = "cambio_webhook_given_up_events_total"

	RedisServing     = "cambio_redis_session_serving"
	RedisSessions    = "cambio_redis_sessions_total"
	RedisWritable    = "cambio_redis_primaries_writable"
	RedisUnconfirmed = "cambio_redis_unconfirmed_changes_total"
	RedisReplicas    = "cambio_redis_required_replicas"
	RedisRemembered  = "cambio_redis_remembered_changes"
	RedisPolicy      = "cambio_redis_policy_accepted"

	ForwardAuthHits    = "cambio_forward_auth_cache_hits_total"
	ForwardAuthMisses  = "cambio_forward_auth_cache_misses_total"
	ForwardAuthEntries = "cambio_forward_auth_cache_entries"
	ForwardAuthBytes   = "cambio_forward_auth_cache_bytes"

	FeedWaiting = "cambio_revocation_feed_waiting_requests"
	FeedEntries = "cambio_revocation_feed_entries"
	FeedRead    = "cambio_revocation_feed_last_read_timestamp_seconds"

	TraceSpans = "cambio_trace_spans_total"
)

// Names of the metrics that Metrics counts.
const (
	requests         = "cambio_http_requests_total"
	requestDuration  = "cambio_http_request_duration_seconds"
	requestsInFlight = "cambio_http_requests_in_flight"
	uses             = "cambio_uses_total"
	useDuration      = "cambio_use_duration_seconds"
	storeDuration    = "cambio_store_call_duration_seconds"
	storeFailures    = "cambio_store_failures_total"
	limitRefusals    = "cambio_rate_limit_refusals_total"
	jobRuns          = "cambio_job_runs_total"
	jobSuccess       = "cambio_job_last_success_timestamp_seconds"
	buildInfo        = "cambio_build_info"
)

const (
	unixSeconds = "seconds since 1970"
	yesNo       = "1 or 0"
)

// Families returns every metric of the program, by name; those of the Go runtime and the
// process, whose names begin with go_ and process_, are the client library's.
func Families() []Family {
	all := slices.Concat(counted(), sourced())
	slices.SortFunc(all, func(a, b Family) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all
}

func counted() []Family {
	return []Family{
		{requests, Counter, "requests", []string{"door", "route", "status"}, "Requests that were answered, by door, route pattern and class of the status."},
		{requestDuration, Histogram, "seconds", []string{"door", "status"}, "Time from the header of a request to the end of its answer. Long polls of the revocation feed last as long as they wait."},
		{requestsInFlight, Gauge, "requests", nil, "Requests that are being answered."},
		{uses, Counter, "uses", []string{"use", "outcome", "cause"}, "Uses of personal access tokens and of their JWTs: exchange, authenticate, access_token, introspect. Outcome: success, refused, throttled, unavailable, fault; cause as in the audit trail."},
		{useDuration, Histogram, "seconds", []string{"use"}, "Time that the pipeline took for a use, store calls included."},
		{storeDuration, Histogram, "seconds", []string{"op"}, "Time of a call to the store, by operation; of lists until the last record was taken."},
		{storeFailures, Counter, "calls", []string{"op"}, "Calls that the store could not answer. A refusal, as not found, is an answer."},
		{limitRefusals, Counter, "refusals", []string{"limit"}, "Answers 429: to failures (failures of proof), requests (of a token at the management doors) and logins (beginnings of a login)."},
		{jobRuns, Counter, "runs", []string{"job", "result"}, "Runs of background work in this process; one process at a time does it."},
		{jobSuccess, Gauge, unixSeconds, []string{"job"}, "When background work last succeeded in this process; 0: not since it started."},
		{buildInfo, Gauge, "1", []string{"version", "go_version"}, "Always 1; the labels say what runs."},
	}
}

func sourced() []Family {
	return []Family{
		{SigningKeys, Gauge, "keys", []string{"alg", "state"}, "Signing keys of the store by state."},
		{SigningKeyAge, Gauge, "seconds", []string{"alg"}, "Time since the active key was made."},
		{SigningKeyRotation, Gauge, unixSeconds, []string{"alg"}, "When the next key takes over from the active one."},
		{SigningKeyNext, Gauge, yesNo, []string{"alg"}, "Whether the key is published that takes over from the active one. It is made as soon as that signs."},
		{CertificateExpiry, Gauge, unixSeconds, []string{"listener"}, "When the certificate expires that a listener presents: public, the one of listen.addr. None without listen.tlsCert."},
		{KeyRingReady, Gauge, yesNo, nil, "Whether tokens can be signed."},
		{AuditReady, Gauge, yesNo, nil, "Whether events reach the disk."},
		{AuditWaiting, Gauge, "events", nil, "Events that are not on disk yet."},
		{AuditEvents, Counter, "events", nil, "Events that the audit sink took."},
		{AuditRefused, Counter, "events", nil, "Events that it could not take; what they tell of did not happen."},
		{AuditFailures, Counter, "failures", nil, "Attempts to write audit files that failed."},
		{OutboxBacklog, Gauge, "events", nil, "Events of the store that awaited shipping at the last look, at most a batch of 512. 0 in a process that does not ship."},
		{OutboxOldest, Gauge, unixSeconds, nil, "When the oldest of them happened; 0: none waits."},
		{OutboxShipped, Counter, "events", nil, "Events that this process shipped from the store to its sink."},
		{OutboxFailing, Gauge, yesNo, nil, "Whether the last look at the outbox failed."},
		{WebhookFailing, Gauge, unixSeconds, []string{"receiver"}, "Since when a receiver, by its place in the configuration, takes no event; 0: it does."},
		{WebhookSent, Counter, "events", []string{"receiver"}, "Events that a receiver took."},
		{WebhookFailures, Counter, "attempts", []string{"receiver"}, "Attempts to deliver an event that failed."},
		{WebhookGivenUp, Counter, "events", []string{"receiver"}, "Events that were tried for three days."},
		{RedisServing, Gauge, yesNo, nil, "Whether the session with Redis serves: no server changed, or all that was sent before was repeated."},
		{RedisSessions, Counter, "sessions", nil, "Sessions begun since the start: the first, and one for each change of servers."},
		{RedisWritable, Gauge, yesNo, nil, "Whether every primary took the last heartbeat, sent each half second."},
		{RedisUnconfirmed, Counter, "changes", nil, "Changes that too few replicas confirmed, or no disk; they were answered 503."},
		{RedisReplicas, Gauge, "replicas", nil, "Replicas that must confirm a security write (store.replicas)."},
		{RedisRemembered, Gauge, "changes", nil, "Changes that ended access and would be repeated on a server that takes over."},
		{RedisPolicy, Gauge, yesNo, nil, "Whether the servers are configured as store.durability demands."},
		{ForwardAuthHits, Counter, "lookups", nil, "Requests of proxies for which a JWT was kept; the store is asked all the same."},
		{ForwardAuthMisses, Counter, "lookups", nil, "Requests for which none was kept."},
		{ForwardAuthEntries, Gauge, "JWTs", nil, "JWTs kept."},
		{ForwardAuthBytes, Gauge, "bytes", nil, "Memory they are counted with."},
		{FeedWaiting, Gauge, "requests", nil, "Requests held by the revocation feed."},
		{FeedEntries, Gauge, "entries", nil, "Entries of the revocation feed."},
		{FeedRead, Gauge, unixSeconds, nil, "When it last read all that ended; 0: nobody asked yet."},
		{TraceSpans, Counter, "spans", []string{"result"}, "Spans sent to the collector: taken or failed."},
	}
}
