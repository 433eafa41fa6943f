// Package metrics keeps the figures of a process and tells them to Prometheus. It is the
// only package that knows Prometheus.
//
//	doors, pipeline, store ──▶ RequestEnded, UseEnded, StoreCalled … counters, histograms
//	what a part knows      ──▶ Source, read at each scrape …………………… gauges, counters
//	                                        └──▶ Handler
//
// Who has figures declares a port, which Metrics satisfies by methods of plain values; this
// package imports nothing of the module. table.go names every metric with its unit and
// labels, and docs/metrics.md is made from it.
//
// Labels have few values, all known when the program is built: routes are patterns, statuses
// classes, causes constants. No id, name, path or address is one. A value that is not known
// counts as "other". What runs for each request finds its series ready and allocates nothing;
// only one that is traced takes memory, for the exemplar that names its trace.
package metrics
