package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/cambio-sts/cambio/verify"
)

func ExampleNew() {
	ctx := context.Background()
	orders := http.NotFoundHandler()
	mux := http.NewServeMux()

	verifier, err := verify.New(ctx, "https://sts.example.com", "https://orders.example.com")
	if err != nil {
		panic(err)
	}
	defer verifier.Close()
	mux.Handle("GET /orders", verifier.Middleware(orders, verify.Require("orders:order:read")))
}

func ExampleFromContext() {
	list := func(w http.ResponseWriter, r *http.Request) {
		claims, _ := verify.FromContext(r.Context())
		_ = json.NewEncoder(w).Encode(map[string]string{"caller": claims.Subject})
	}
	_ = list
}

func ExampleAcceptPAT() {
	ctx := context.Background()

	verifier, err := verify.New(ctx, "https://sts.example.com", "https://orders.example.com",
		verify.AcceptPAT(verify.PATOptions{Scope: "orders:order:read orders:order:write"}),
		verify.WithResourceMetadata("https://orders.example.com/.well-known/oauth-protected-resource"),
		verify.WithLogger(slog.New(slog.NewJSONHandler(os.Stderr, nil))),
		verify.WithStaleIfError(time.Hour),
	)
	_, _ = verifier, err
}

func ExampleVerifier_Verify() {
	ctx := context.Background()
	var verifier *verify.Verifier
	var token string

	claims, err := verifier.Verify(ctx, token)
	switch {
	case errors.Is(err, verify.ErrUnavailable): // nobody can tell now: try again
	case errors.Is(err, verify.ErrExpired): // the client exchanges anew
	case err != nil: // not valid here
	default:
		err = verify.Check(claims, verify.Require("orders:order:read"))
	}
	_, _ = claims, err
}

func ExampleWithRevocationFeed() {
	ctx := context.Background()

	verifier, err := verify.New(ctx, "https://sts.example.com", "https://orders.example.com",
		verify.WithRevocationFeed(verify.RevocationFeed{
			FailOpenFor: 30 * time.Second,
			OnChange:    func(up bool, err error) { slog.Warn("revocation feed", "up", up, "error", err) },
		}),
	)
	_, _ = verifier, err
}
