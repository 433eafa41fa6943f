package metrics

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// reader reads a source at each scrape.
type reader struct {
	families map[string]Family
	source   Source
}

var _ prometheus.Collector = (*reader)(nil)

// Describe implements prometheus.Collector. It tells nothing: which series there are is
// seen when they are read, and each scrape is checked.
func (*reader) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. A name that no table has fails the scrape.
func (r *reader) Collect(out chan<- prometheus.Metric) {
	r.source(func(name string, value float64, labels ...string) {
		family, known := r.families[name]
		desc := prometheus.NewDesc(name, family.Help, family.Labels, nil)
		if !known {
			out <- prometheus.NewInvalidMetric(desc, fmt.Errorf("no metric is called %s", name))
			return
		}
		kind := prometheus.GaugeValue
		if family.Kind == Counter {
			kind = prometheus.CounterValue
		}
		metric, err := prometheus.NewConstMetric(desc, kind, value, labels...)
		if err != nil {
			metric = prometheus.NewInvalidMetric(desc, err)
		}
		out <- metric
	})
}
