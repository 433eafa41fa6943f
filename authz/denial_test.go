package authz_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/pat"
)

func TestFailuresToProveATokenAreOneAnswer(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	want := w.post(authz.PathToken, with(exchangeForm(token), "subject_token", "garbage"))
	for name, form := range map[string]url.Values{
		"unknown":   exchangeForm(w.format.New(pat.NewID(alice))),
		"wrong":     exchangeForm(w.format.New(token.ID())),
		"as a JWT":  with(exchangeForm(token), "subject_token_type", typeJWT),
		"truncated": with(exchangeForm(token), "subject_token", token.Reveal().Reveal()[:40]),
	} {
		got := w.post(authz.PathToken, form)
		require.Equal(t, want.Body.String(), got.Body.String(), name)
		require.Equal(t, want.Header(), got.Header(), name)
		require.Equal(t, want.Code, got.Code, name)
	}
	require.Len(t, w.reasons(), 5, "every failure is recorded")
}

func TestDenialsNameTheCause(t *testing.T) {
	for name, test := range map[string]struct {
		change      func(*world, *pat.Record)
		description string
	}{
		"expired": {
			func(_ *world, r *pat.Record) { r.Expiration = start.Add(-time.Hour) }, "the token expired on 2026-10-05T07:30:00.250Z and is now auto-revoked",
		},
		"revoked": {
			func(_ *world, r *pat.Record) { r.State, r.RevokedAt = pat.StateRevoked, start }, "the token was revoked on 2026-10-05T08:30:00.250Z",
		},
		"disabled owner": {func(w *world, _ *pat.Record) {
			owner := w.store.owners[alice]
			owner.Enabled = false
			w.store.owners[alice] = owner
		}, "its owner is disabled"},
		"network": {func(_ *world, r *pat.Record) { r.Networks = prefixes("10.0.0.0/8") }, "not allowed from this network"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			token := w.token(alice, func(r *pat.Record) { test.change(w, r) })
			atExchange := w.post(authz.PathToken, exchangeForm(token))
			requireError(t, atExchange, http.StatusBadRequest, "invalid_request", test.description)
			require.Len(t, members(t, atExchange)["denial_id"], 32)

			w = newWorld(t)
			token = w.token(alice, func(r *pat.Record) { test.change(w, r) })
			atClient := w.post(authz.PathToken, url.Values{"grant_type": {"client_credentials"}}, basicOf(token))
			requireError(t, atClient, http.StatusUnauthorized, "invalid_client", test.description)
			require.Len(t, members(t, atClient)["denial_id"], 32)
		})
	}
}
