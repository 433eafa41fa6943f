// Package alerts proves deploy/prometheus, docs/runbooks and deploy/grafana.
//
//	cases ──▶ cause its cause ──▶ running server, its Redis, replica, disk, receiver …
//	                                   │ scraped, at times that pass faster than ours
//	                                   ▼
//	alerts.yaml ──▶ Prometheus' own rules and engine ──▶ fires
//	docs/runbooks/<alert>.md ──▶ its commands, by bash ──▶ ends
//	alerts_test.yaml ──▶ promtool
//	cambio.json ──▶ Prometheus' own parser, and the table of internal/metrics
//
// It is a module of its own: Prometheus is larger than the product, and nothing of the
// product needs it. It refuses to know why a figure is what it is: the product tells it.
package alerts
