// Package fault names the one thing every layer has to be able to say of a part
// below it: that it cannot answer now. Stores wrap ErrUnavailable around what
// went wrong, doors answer 503 for it, nobody treats it as a refusal or, worse,
// as consent.
package fault

import "errors"

// ErrUnavailable says that a store or another part could not answer, so that
// nothing is known of what was asked. The operation may be tried again.
var ErrUnavailable = errors.New("temporarily unavailable")
