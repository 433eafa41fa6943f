// Package httpx is what every HTTP door shares: servers with limits, the shell
// around all handlers, and strict readers of forms, credentials and JSON.
//
//	listener ─▶ Server ─▶ NewShell ─▶ mux ─▶ AllowMethods ─▶ a door's handler
//	 limited    time-outs,  trace id, origin,                 ├ ReadForm, DecodeJSON
//	            header cap  panics, one log line, one span,   ├ BasicCredentials, BearerToken
//	                        Connection: close                 └ OriginFrom, RequestLogFrom
//
// It refuses to know what a token, a grant or a user is, and how a door words
// its errors: readers return typed errors, and the answers to a panic or a wrong
// method come from the caller. Nothing here reads the Host header, the authority
// of an absolute request target or any X-Forwarded header but X-Forwarded-For
// from a trusted proxy, so none of them can change what is answered.
package httpx
