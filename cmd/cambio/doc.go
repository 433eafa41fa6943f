// Command cambio is the security token service, and the client of one.
//
//	cambio dev         everything on loopback, no configuration, users and tokens to try
//	cambio init        a commented configuration, a master key, a prepared store
//	cambio bootstrap   the first administrator and token
//	cambio serve       the real server
//	cambio master-key  another master key, while servers run
//	cambio doctor      what is wrong with a deployment, and how to mend it
//	cambio login, pat, group, … the client commands, see internal/cli
//
// This package wires: it turns configuration into stores, use cases and doors,
// starts them, and ends them in order. Nothing imports it, and it alone reads the
// environment and exits.
package main
