// Package doctor examines a deployment of Cambio from the machine that it runs on,
// beside a running server or without one, and says for each thing that it looks at
// whether it is in order, why not, and how to mend it.
//
//	config.Sources ──▶ patient ── what several checks need, looked up once: the configuration,
//	                     │         the servers of the store, the key ring, who listens
//	                     ▼
//	             checks (checks.go) ── a table: id, title, run; all at once, each with a time-out
//	                     │
//	                     ▼
//	                 Report ── as text or JSON, and the exit code
//
// A check finds one kind of fault. Where it cannot look because another one failed it
// is skipped and says so, so that one fault is one finding. A Fix is something to carry
// out as it stands: a command for a shell, a key of the configuration with its value, or
// a file to put into place, which only its owner has.
//
// It changes nothing, but that it makes a file in the folder of the audit trail and
// removes it, and listens for a moment where nobody does. It refuses to know secrets: it reads the files
// that hold some, to see whether they fit, and nothing of them is in a report. It does
// not print or exit, and leaves to who calls it how servers are connected to.
package doctor
