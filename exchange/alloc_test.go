package exchange_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/keys"
)

// unsigned mints nothing, and unrecorded records nothing: keys and internal/audit hold
// what that takes.
type (
	unsigned   struct{ exchange.Signer }
	unrecorded struct{}
)

func (unsigned) Mint(keys.Alg, keys.Claims) (string, error) { return strings.Repeat("x", 700), nil }
func (unrecorded) Record(audit.Event) error                 { return nil }

// TestAllocations holds what the stages of an exchange allocate, on the embedded store: a
// use with its proof and its policy, and with the claims.
func TestAllocations(t *testing.T) {
	w := newWorld(t)
	w.config.Signer, w.config.Audit = unsigned{w.ring}, unrecorded{}
	exchanger, err := exchange.New(w.config)
	require.NoError(t, err)
	token, _ := w.create(&w.owner)
	for _, stage := range []struct {
		name string
		most float64
		do   func() error
	}{
		{"authenticate", 14, func() error {
			_, err := exchanger.Authenticate(t.Context(), whole(token), management, origin)
			return err
		}},
		{"exchange", 19, func() error {
			_, err := exchanger.Exchange(t.Context(), &exchange.Request{Credential: whole(token), Fallback: api, Origin: origin})
			return err
		}},
	} {
		t.Run(stage.name, func(t *testing.T) {
			require.LessOrEqual(t, testenv.Allocations(t, func() { require.NoError(t, stage.do()) }), stage.most)
		})
	}
}
