package webhook

import (
	"context"

	"github.com/cambio-sts/cambio/internal/egress"
)

// Reach reports whether a receiver could be sent to, and sends nothing: its secrets are
// some (ErrSecret), it may be called (egress.ErrForbidden), and it takes a connection, with a
// certificate of its own where that is https. No error repeats the URL.
func Reach(ctx context.Context, r *Receiver) error {
	text, err := r.Secrets()
	if err != nil {
		return err
	}
	if _, err := parseSecrets(text); err != nil {
		return err
	}
	guard := &egress.Guard{Allowed: r.Allowed}
	return guard.Reach(ctx, r.URL, nil)
}
