package authz

import (
	"errors"
	"net/http"
)

var errPanic = errors.New("a handler panicked")

// ServeFault answers a request whose handler failed without an answer: 500 and
// server_error, with nothing of the cause.
func (s *Server) ServeFault(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, errPanic, doorClient)
}
