package api

import (
	"errors"
	"net/http"
)

var errPanic = errors.New("a handler panicked")

// ServeFault answers a request whose handler failed without an answer: 500.0
// Internal Fault, with nothing of the cause.
func (a *API) ServeFault(w http.ResponseWriter, r *http.Request) { a.fail(w, r, errPanic) }
