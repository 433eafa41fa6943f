package alerts

import (
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"
	"github.com/stretchr/testify/require"
)

const (
	root      = "../.."
	rulesFile = root + "/deploy/prometheus/alerts.yaml"
	// job is the name that alerts expect targets to be scraped by.
	job = "cambio"
	// accept is what Prometheus asks for.
	accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
)

// groups are those of deploy/prometheus/alerts.yaml.
func groups(t *testing.T) []rulefmt.RuleGroup {
	t.Helper()
	found, problems := rulefmt.ParseFile(rulesFile, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	require.Empty(t, problems)
	return found.Groups
}

// prometheus scrapes one target and evaluates the rules. Its time passes by ticks.
type prometheus struct {
	t      *testing.T
	target string // URL of /metrics
	client *http.Client
	now    time.Time
	tick   time.Duration

	store  *teststorage.TestStorage
	query  rules.QueryFunc
	rules  []rules.Rule
	alerts map[string]*rules.AlertingRule
	seen   map[string]labels.Labels // series of the last scrape
}

// newPrometheus has the rules of the file and no samples.
func newPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	p := &prometheus{
		t: t, target: target, client: &http.Client{Timeout: 10 * time.Second}, now: time.Now(), tick: 15 * time.Second,
		store: teststorage.New(t), alerts: map[string]*rules.AlertingRule{}, seen: map[string]labels.Labels{},
	}
	t.Cleanup(p.client.CloseIdleConnections)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 5_000_000, Timeout: 30 * time.Second, LookbackDelta: 5 * time.Minute})
	p.query = rules.EngineQueryFunc(engine, p.store)
	read := parser.NewParser(parser.Options{})
	for _, group := range groups(t) {
		for _, rule := range group.Rules {
			expr, err := read.ParseExpr(rule.Expr)
			require.NoError(t, err, rule.Expr)
			if rule.Record != "" {
				p.rules = append(p.rules, rules.NewRecordingRule(rule.Record, expr, labels.FromMap(rule.Labels)))
				continue
			}
			alert := rules.NewAlertingRule(rule.Alert, expr, time.Duration(rule.For), time.Duration(rule.KeepFiringFor),
				labels.FromMap(rule.Labels), labels.FromMap(rule.Annotations), labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
			p.rules, p.alerts[rule.Alert] = append(p.rules, alert), alert
		}
	}
	return p
}

// pass lets a tick pass: scrapes, and evaluates every rule in order.
func (p *prometheus) pass() {
	p.t.Helper()
	p.now = p.now.Add(p.tick)
	p.scrape()
	for _, rule := range p.rules {
		found, err := rule.Eval(p.t.Context(), 0, p.now, p.query, &url.URL{}, 0)
		require.NoError(p.t, err, rule.Name())
		rule.SetEvaluationTimestamp(p.now)
		if _, alert := rule.(*rules.AlertingRule); alert {
			continue
		}
		p.append(func(into storage.Appender) {
			for _, sample := range found {
				p.add(into, sample.Metric, sample.F)
			}
		})
	}
}

// firing reports whether an alert fires.
func (p *prometheus) firing(alert string) bool {
	p.t.Helper()
	require.Contains(p.t, p.alerts, alert)
	return p.alerts[alert].State() == rules.StateFiring
}

// scrape takes the figures as Prometheus does: with the labels of the target, up, and the
// end of series that are not there any more.
func (p *prometheus) scrape() {
	p.t.Helper()
	body, kind, err := p.fetch()
	found := map[string]labels.Labels{}
	p.append(func(into storage.Appender) {
		up := 0.0
		if err == nil {
			up = 1
			p.parse(body, kind, func(series labels.Labels, value float64) {
				found[series.String()] = series
				p.add(into, series, value)
			})
		}
		p.add(into, labels.FromStrings("__name__", "up", "instance", "a", "job", job), up)
		for name, series := range p.seen {
			if _, there := found[name]; !there {
				p.add(into, series, math.Float64frombits(value.StaleNaN))
			}
		}
	})
	p.seen = found
}

// fetch asks the target; an error is a target that is down.
func (p *prometheus) fetch() (body []byte, kind string, err error) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.target, http.NoBody)
	require.NoError(p.t, err)
	request.Header.Set("Accept", accept)
	response, err := p.client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return body, response.Header.Get("Content-Type"), err
}

// parse reads what a target answered. Its own labels job and instance make way for those
// of the target.
func (p *prometheus) parse(body []byte, kind string, take func(series labels.Labels, value float64)) {
	p.t.Helper()
	from, err := textparse.New(body, kind, labels.NewSymbolTable(), textparse.ParserOptions{})
	require.NoError(p.t, err)
	for {
		entry, err := from.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(p.t, err)
		if entry != textparse.EntrySeries {
			continue
		}
		var told labels.Labels
		from.Labels(&told)
		made := labels.NewBuilder(told)
		for name, own := range map[string]string{"job": job, "instance": "a"} {
			if theirs := told.Get(name); theirs != "" {
				made.Set("exported_"+name, theirs)
			}
			made.Set(name, own)
		}
		_, _, sample := from.Series()
		take(made.Labels(), sample)
	}
}

// figure returns the value of a series as the target tells it now; -1 if there is none.
func (p *prometheus) figure(series string) float64 {
	p.t.Helper()
	want, err := parser.NewParser(parser.Options{}).ParseMetric(series)
	require.NoError(p.t, err)
	body, kind, err := p.fetch()
	if err != nil {
		return -1
	}
	figure := -1.0
	p.parse(body, kind, func(found labels.Labels, value float64) {
		if labels.Equal(labels.NewBuilder(found).Del("job", "instance").Labels(), want) {
			figure = value
		}
	})
	return figure
}

func (p *prometheus) append(do func(into storage.Appender)) {
	p.t.Helper()
	into := p.store.Appender(p.t.Context())
	do(into)
	require.NoError(p.t, into.Commit())
}

func (p *prometheus) add(into storage.Appender, series labels.Labels, value float64) {
	p.t.Helper()
	_, err := into.Append(0, series, p.now.UnixMilli(), value)
	require.NoError(p.t, err, series)
}
