// Package postgres is the provider of credentials for PostgreSQL: a login role of its own
// for each set, which the server itself lets expire.
//
//	Issue   now(), may these roles be granted? ─▶ CREATE ROLE cambio_… VALID UNTIL a moment from now
//	                                              + GRANT + settings + COMMENT, one transaction
//	Run     once the answer has left ─▶ ALTER ROLE … VALID UNTIL the expiry
//	List    roles with our comment ─▶ holder, VALID UNTIL
//	Revoke  NOLOGIN ─▶ end its sessions ─▶ give away what it owns ─▶ DROP ROLE
//
// What was issued is known by the database alone: the comment of a role says which issuer
// and provider made it and for which token, VALID UNTIL when it ends. So any process finds
// the roles of all others, and a role whose maker was killed before it could answer expires within
// half a minute and goes with the next round of credentials.Issuer.Sweep.
//
// The clear password never reaches the server: it is sent the verifier of SCRAM-SHA-256
// (RFC 5802, RFC 7677), which is computed here. All text that is not ours is looked up in a
// parameter before it becomes a quoted identifier, or is a quoted literal.
//
// The provider connects as a role that may create roles and is no superuser. It never
// grants a role that could make others, act as a superuser, or reach the files and programs of the
// server; it never touches a role that lacks its own comment; and nothing is ever given to
// the role that it connects as: what issued roles make may be a trap (SECURITY DEFINER).
//
// It refuses to know what the granted roles may do; whoever runs the database says so.
package postgres
