// Package testenv starts real programs for tests: the product's own binary and
// the servers it talks to, on free loopback ports, ended by process id when the
// test ends.
//
//	Need ──▶ path of a program, or skip (fail where CI=true)
//	Binary ──▶ cambio, built once per test process, with -race if the test is
//	   ├──▶ Dev    ──▶ cambio dev --json, its one line decoded
//	   ├──▶ Serve  ──▶ cambio serve, ready by /readyz
//	   └──▶ Run    ──▶ any other command, to its end
//	Redis ──▶ redis-server with an append-only file, to be stopped, paused and
//	          started again on the same port and data
//	Postgres ──▶ a PostgreSQL server with an empty cluster, and psql
//	Start ──▶ any other program
//
// It talks to what it starts over the wire only and imports nothing of the
// product, so that a test cannot pass by sharing code with what it tests. What
// a program printed is logged when its test fails; a data race or a panic that a
// program reported fails the test.
package testenv
