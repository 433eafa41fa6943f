// Package wire sends prepared requests over one kept-alive HTTP/1.1 connection,
// with no more work than that takes: who loads a server shares its processors.
//
//	bench ─────┐
//	           ├──▶ Conn ──▶ the server's port
//	test/soak ─┘
//
// It refuses to know what is asked: requests are bytes, answers a status and bytes. What
// net/http can do and this cannot, such as answers without a length, is an error.
package wire
