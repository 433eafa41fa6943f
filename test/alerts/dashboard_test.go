package alerts

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/metrics"
)

// panel is one of the dashboard, as Grafana writes it.
type panel struct {
	ID          int    `json:"id"`
	Type        string `json:"type"`
	Title       string `json:"title"`
	FieldConfig struct {
		Defaults struct {
			Unit string `json:"unit"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
	Targets []struct {
		RefID string `json:"refId"`
		Expr  string `json:"expr"`
	} `json:"targets"`
	GridPos struct {
		H, W, X, Y int
	} `json:"gridPos"`
}

func dashboard(t *testing.T) (panels []panel) {
	t.Helper()
	text, err := os.ReadFile(root + "/deploy/grafana/cambio.json")
	require.NoError(t, err)
	var all struct {
		Panels []panel `json:"panels"`
	}
	require.NoError(t, json.Unmarshal(text, &all))
	require.NotEmpty(t, all.Panels)
	return all.Panels
}

// names are the series that a family has, those of histograms too.
func names() map[string]metrics.Family {
	all := map[string]metrics.Family{}
	for _, family := range metrics.Families() {
		all[family.Name] = family
		if family.Kind == metrics.Histogram {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				all[family.Name+part] = family
			}
			delete(all, family.Name)
		}
	}
	return all
}

// requireKnown holds an expression to the table: its metrics, and the labels that it
// selects and groups by.
func requireKnown(t *testing.T, expr, at string, recorded []string) (used []string) {
	t.Helper()
	known := names()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	require.NoError(t, err, "%s: %s", at, expr)
	given := []string{model.MetricNameLabel, "job", "instance", "le"}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		selected, isSelector := node.(*parser.VectorSelector)
		if !isSelector || slices.Contains(recorded, selected.Name) || regexp.MustCompile(`^(go|process)_|^up$`).MatchString(selected.Name) {
			return nil
		}
		family, found := known[selected.Name]
		require.True(t, found, "%s: there is no metric %s", at, selected.Name)
		used = append(used, family.Name)
		given = append(given, family.Labels...)
		if slices.Contains(family.Labels, "job") { // Prometheus' own has the name
			given = append(given, "exported_job")
		}
		for _, matcher := range selected.LabelMatchers {
			require.Contains(t, append(slices.Clone(family.Labels), model.MetricNameLabel, "job", "instance"), matcher.Name, "%s: %s", at, expr)
		}
		return nil
	})
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if grouped, is := node.(*parser.AggregateExpr); is {
			require.Subset(t, given, grouped.Grouping, "%s: %s", at, expr)
		}
		return nil
	})
	return used
}

// The dashboard asks only for what there is, and shows all that there is.
func TestDashboard(t *testing.T) {
	rows, ids, shown := []string{}, map[int]bool{}, map[string]bool{}
	for _, p := range dashboard(t) {
		require.False(t, ids[p.ID], "the id of %q is taken", p.Title)
		ids[p.ID] = true
		require.NotEmpty(t, p.Title)
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		require.NotEmpty(t, rows, "%q is in a row", p.Title)
		require.NotEmpty(t, p.FieldConfig.Defaults.Unit, p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			expr := strings.NewReplacer("$__rate_interval", "5m", "$job", "cambio", "$instance", ".*").Replace(target.Expr)
			require.NotContains(t, expr, "$", p.Title)
			for _, name := range requireKnown(t, expr, p.Title, nil) {
				shown[name] = true
			}
		}
	}
	for _, family := range metrics.Families() {
		require.True(t, shown[family.Name], "no panel shows %s", family.Name)
	}
	require.Equal(t, []string{
		"Traffic", "Exchange outcomes", "Latency", "Store", "Audit and outbox", "Keys", "Revocation feed",
		"Forward authentication", "Credentials and background work", "Runtime",
	}, rows)
}

// So do the alerts.
func TestAlertsNameMetrics(t *testing.T) {
	var recorded []string
	for _, group := range groups(t) {
		for _, rule := range group.Rules {
			requireKnown(t, rule.Expr, rule.Alert+rule.Record, recorded)
			if rule.Record != "" {
				recorded = append(recorded, rule.Record)
			}
		}
	}
	require.NotEmpty(t, recorded)
}
