package scim

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

var (
	errNoRoute  = errors.New("no such route")
	errMethod   = errors.New("the route does not take the method")
	errNoChoice = errors.New("the list takes no filter")
	errPanic    = errors.New("a handler panicked")
)

// gate lets a request through to next once it is known that a provisioner acts, within
// what one token may ask of this door.
func (s *Server) gate(next route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := s.door.Enter(w.Header(), r, Path)
		if err == nil {
			who, err = who.Provisioning()
		}
		if err == nil {
			err = next(w, r, who)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

// dispatch chooses the route of a path by the method, and refuses every other. HEAD is
// GET whose body net/http keeps back.
func (s *Server) dispatch(methods map[string]route) http.HandlerFunc {
	behind := make(map[string]http.HandlerFunc, len(methods))
	for method, handler := range methods {
		behind[method] = s.gate(handler)
		if method == http.MethodGet {
			behind[http.MethodHead] = behind[method]
		}
	}
	allow := strings.Join(slices.Sorted(maps.Keys(behind)), ", ")
	return func(w http.ResponseWriter, r *http.Request) {
		if handler, taken := behind[r.Method]; taken {
			handler(w, r)
			return
		}
		w.Header().Set("Allow", allow)
		s.fail(w, r, errMethod)
	}
}
