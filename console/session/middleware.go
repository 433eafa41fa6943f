package session

import (
	"errors"
	"maps"
	"net/http"
)

// LoadAndSave gives each request the session that its cookie names, and stores it, if it
// has changed, before the first byte of the answer is sent. Where either fails, nothing of
// next's answer is sent, but that of Config.Failed.
func (s *Sessions) LoadAndSave(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Cookie")
		token := ""
		if cookie, err := r.Cookie(s.scs.Cookie.Name); err == nil {
			token = cookie.Value
		}
		ctx, err := s.load(r.Context(), token)
		if err != nil {
			s.config.Failed(w, r, err)
			return
		}
		r = r.WithContext(ctx)
		before := w.Header().Clone()
		answer := &writer{ResponseWriter: w, save: func() error {
			err := s.save(ctx, w)
			if err != nil {
				clear(w.Header())
				maps.Copy(w.Header(), before)
				s.config.Failed(w, r, err)
			}
			return err
		}}
		next.ServeHTTP(answer, r)
		_ = answer.begin() // whatever has failed was answered
	})
}

// errUnsaved says to a handler that its answer was replaced.
var errUnsaved = errors.New("the session could not be saved")

// writer is a ResponseWriter that saves before anything is written.
type writer struct {
	http.ResponseWriter

	save  func() error // answers an error
	begun bool
	err   error
}

// begin saves once. Nothing is written after it has failed.
func (w *writer) begin() error {
	if !w.begun {
		w.begun = true
		if w.save() != nil {
			w.err = errUnsaved
		}
	}
	return w.err
}

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(code int) {
	if informational := code < 200 && code != http.StatusSwitchingProtocols; informational || w.begin() == nil {
		w.ResponseWriter.WriteHeader(code)
	}
}

// Write implements http.ResponseWriter.
func (w *writer) Write(p []byte) (int, error) {
	if err := w.begin(); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}

// FlushError is what http.ResponseController flushes by.
func (w *writer) FlushError() error {
	if err := w.begin(); err != nil {
		return err
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush implements http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// Unwrap is for the other methods of http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
