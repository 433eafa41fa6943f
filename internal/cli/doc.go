// Package cli owns the commands that talk to a server from outside, one for each
// operation of the management API and the two OAuth ones that scripts need; and
// those that need no server: audit verify, logout and version.
//
//	flags, environment, files, stdin
//	        │
//	        ▼
//	   call (call.go) ── arguments, format, no credential on argv
//	        │
//	        ▼
//	   client (client.go) ── https or loopback only, no redirects, one wait on 429
//	        │                          │
//	        │ 2xx                      │ anything else
//	        ▼                          ▼
//	   output.go: the answer      Error (error.go): code, cause, fix
//	   on stdout                       │
//	                                   ▼
//	                              Fail: stderr and the exit code
//
// Stdout carries data only; warnings, questions and errors go to stderr. With
// -o json the bytes of the API's answer pass through untouched, but for a line end
// where there is none, and escapes for characters that steer a terminal: it is the
// same JSON. What a server says is made harmless wherever else it is printed.
//
// A kind (kind.go) says once how tables show a kind of thing, and lists (list.go)
// follow pages, whatever is in them. Names stand for ids where they are unique
// (names.go): they are looked up first, and held against what was found.
//
// A credential comes from a file, the environment, stdin or a terminal, never
// from the command line, where other users of the machine and the shell's history
// see it. It is sent to one server, over TLS, and is in no message. What login
// keeps (home.go, kept.go) goes to the server that it was kept for alone, and so does
// how that is reached. The two commands of credential (credentialgit.go,
// credentialkubectl.go) hand it, or an access token, to the program that runs them, for
// the hosts that their user named; they keep nothing on disk, where what is short-lived
// would be one more secret to guard.
//
// The package refuses to know the product's packages: it reads the documented
// JSON as any other client does.
package cli
