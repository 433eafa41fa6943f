package metrics

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// other stands for a value that is not known.
	other = "other"
	// maxRoutes bounds the routes, of which a mux has few: more count as other.
	maxRoutes = 512
)

// Config says which values labels have.
type Config struct {
	Version, GoVersion string
	// Door returns the door that a route belongs to, one of few.
	Door   func(route string) string
	Ops    []string // of the store
	Uses   []string // of tokens
	Causes []Cause  // of how a use ended
	Limits []string
	Jobs   []string
	Now    func() time.Time
}

// Cause is how a use may end.
type Cause struct{ Outcome, Cause string }

// Emit tells the value of a Family, with its labels in the order of the table.
type Emit func(name string, value float64, labels ...string)

// Source tells what it knows at a scrape. It must not block.
type Source func(emit Emit)

// Metrics is the figures of one process. It is safe to share. A nil *Metrics counts
// nothing.
type Metrics struct {
	config   Config
	registry *prometheus.Registry
	families map[string]Family

	inFlight prometheus.Gauge
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	mu       sync.Mutex // held to add a route
	routes   atomic.Pointer[map[routeKey]*route]

	uses    map[useKey]*series
	ops     map[string]*series
	refused map[string]prometheus.Counter
	jobs    map[string]*job
}

type routeKey struct {
	route  string
	status int // its class, 1 to 5
}

// route is the series of requests of one route and class.
type route struct {
	count    prometheus.Counter
	duration prometheus.Observer
}

type useKey struct{ use, outcome, cause string }

// series is what is counted, or timed, or both.
type series struct {
	count    prometheus.Counter
	duration prometheus.Observer
}

type job struct {
	success, failure prometheus.Counter
	last             prometheus.Gauge
}

// buckets are the bounds of durations, in seconds: an exchange with an embedded store takes
// less than the first, a poll of the feed up to the last.
func buckets() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
}

// New returns figures that are all 0.
func New(config Config) *Metrics {
	m := &Metrics{
		config: config, registry: prometheus.NewRegistry(), families: map[string]Family{},
		uses: map[useKey]*series{}, ops: map[string]*series{}, refused: map[string]prometheus.Counter{}, jobs: map[string]*job{},
	}
	for _, family := range Families() {
		m.families[family.Name] = family
	}
	m.routes.Store(&map[routeKey]*route{})
	m.requests, m.duration = m.counter(requests), m.histogram(requestDuration)
	m.inFlight = m.gauge(requestsInFlight).WithLabelValues()
	m.gauge(buildInfo).WithLabelValues(config.Version, config.GoVersion).Set(1)
	m.addUses()
	m.addOps()
	limits := m.counter(limitRefusals)
	for _, limit := range config.Limits {
		m.refused[limit] = limits.WithLabelValues(limit)
	}
	runs, last := m.counter(jobRuns), m.gauge(jobSuccess)
	for _, name := range config.Jobs {
		m.jobs[name] = &job{runs.WithLabelValues(name, "success"), runs.WithLabelValues(name, "failure"), last.WithLabelValues(name)}
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *Metrics) addUses() {
	counts, durations := m.counter(uses), m.histogram(useDuration)
	for _, use := range m.config.Uses {
		took := durations.WithLabelValues(use)
		for _, cause := range append(slices.Clone(m.config.Causes), Cause{"fault", other}) {
			m.uses[useKey{use, cause.Outcome, cause.Cause}] = &series{counts.WithLabelValues(use, cause.Outcome, cause.Cause), took}
		}
	}
}

func (m *Metrics) addOps() {
	failures, durations := m.counter(storeFailures), m.histogram(storeDuration)
	for _, op := range m.config.Ops {
		m.ops[op] = &series{failures.WithLabelValues(op), durations.WithLabelValues(op)}
	}
}

func (m *Metrics) counter(name string) *prometheus.CounterVec {
	family := m.families[name]
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: family.Help}, family.Labels)
	m.registry.MustRegister(vec)
	return vec
}

func (m *Metrics) gauge(name string) *prometheus.GaugeVec {
	family := m.families[name]
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: family.Help}, family.Labels)
	m.registry.MustRegister(vec)
	return vec
}

func (m *Metrics) histogram(name string) *prometheus.HistogramVec {
	family := m.families[name]
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: family.Help, Buckets: buckets()}, family.Labels)
	m.registry.MustRegister(vec)
	return vec
}

// AddSource has a source read at each scrape, which gives some of the families that
// sources give. Each is given by one source.
func (m *Metrics) AddSource(source Source) { m.registry.MustRegister(&reader{m.families, source}) }

// Handler answers scrapes, as OpenMetrics to who takes it.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// RequestBegan counts a request that came in.
func (m *Metrics) RequestBegan() {
	if m != nil {
		m.inFlight.Inc()
	}
}

// RequestEnded counts a request that was answered. The route is a pattern; trace is the id
// of its trace if it is sampled, else empty.
func (m *Metrics) RequestEnded(pattern string, status int, took time.Duration, trace string) {
	if m == nil {
		return
	}
	m.inFlight.Dec()
	key := routeKey{pattern, status / 100}
	found := (*m.routes.Load())[key]
	if found == nil {
		found = m.addRoute(key)
	}
	found.count.Inc()
	observe(found.duration, took, trace)
}

// addRoute finds the series of a route that is new, with what was found before in a copy
// of the map: readers need no lock.
func (m *Metrics) addRoute(key routeKey) *route {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := *m.routes.Load()
	if found := before[key]; found != nil {
		return found
	}
	if len(before) >= maxRoutes {
		key.route = other
		if found := before[key]; found != nil {
			return found
		}
	}
	door, class := m.config.Door(key.route), fmt.Sprintf("%dxx", key.status)
	if key.status < 1 || key.status > 5 {
		class = other
	}
	made := &route{m.requests.WithLabelValues(door, key.route, class), m.duration.WithLabelValues(door, class)}
	after := maps.Clone(before)
	after[key] = made
	m.routes.Store(&after)
	return made
}

// UseEnded counts a use of a token.
func (m *Metrics) UseEnded(use, outcome, cause string, took time.Duration, trace string) {
	if m == nil {
		return
	}
	found := m.uses[useKey{use, outcome, cause}]
	if found == nil {
		found = m.uses[useKey{use, "fault", other}]
	}
	if found != nil {
		found.count.Inc()
		observe(found.duration, took, trace)
	}
}

// StoreCalled counts a call to the store.
func (m *Metrics) StoreCalled(op string, took time.Duration, failed bool, trace string) {
	if m == nil {
		return
	}
	found := m.ops[op]
	if found == nil {
		return
	}
	observe(found.duration, took, trace)
	if failed {
		found.count.Inc()
	}
}

// Refused counts an answer 429.
func (m *Metrics) Refused(limit string) {
	if m == nil {
		return
	}
	if found := m.refused[limit]; found != nil {
		found.Inc()
	}
}

// JobEnded counts a run of background work.
func (m *Metrics) JobEnded(name string, err error) {
	if m == nil {
		return
	}
	found := m.jobs[name]
	switch {
	case found == nil:
	case err != nil:
		found.failure.Inc()
	default:
		found.success.Inc()
		found.last.Set(float64(m.config.Now().UnixMilli()) / 1000)
	}
}

// observe notes a duration, and as its exemplar the trace, if there is one.
func observe(in prometheus.Observer, took time.Duration, trace string) {
	if trace == "" {
		in.Observe(took.Seconds())
		return
	}
	if exemplars, ok := in.(prometheus.ExemplarObserver); ok {
		exemplars.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": trace})
	}
}
