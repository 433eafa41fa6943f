package authz_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/keys"
)

// unsigned mints nothing, so that what is measured is the door.
type unsigned struct{ exchange.Signer }

func (unsigned) Mint(keys.Alg, keys.Claims) (string, error) { return strings.Repeat("x", 700), nil }

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkToken measures the token endpoint without signing and without a store.
func BenchmarkToken(b *testing.B) {
	w := newWorld(b, unwatched, func(c *exchange.Config, _ *authz.Config) { c.Signer = unsigned{} })
	token := w.token(alice, nil)
	for name, test := range map[string]struct {
		form   url.Values
		change func(*http.Request)
	}{
		"exchange":           {exchangeForm(token), func(*http.Request) {}},
		"client_credentials": {url.Values{"grant_type": {"client_credentials"}}, basicOf(token)},
		"unproved":           {with(exchangeForm(token), "subject_token", "x"), func(*http.Request) {}},
	} {
		b.Run(name, func(b *testing.B) {
			body := test.form.Encode()
			template := httptest.NewRequest(http.MethodPost, authz.PathToken, nil)
			template.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			test.change(template)
			ctx := httpx.WithOrigin(b.Context(), audit.Origin{IP: "192.0.2.1", UserAgent: "bench"})
			writer := &discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				r := template.WithContext(ctx)
				r.Body, r.ContentLength = readCloserOf(body), int64(len(body))
				w.bare.ServeHTTP(writer, r)
			}
		})
	}
}

type stringBody struct{ *strings.Reader }

func (stringBody) Close() error { return nil }

func readCloserOf(body string) stringBody { return stringBody{strings.NewReader(body)} }
