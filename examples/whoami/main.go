package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/cambio-sts/cambio/verify"
)

const scope = "whoami:me:read"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Getenv("ISSUER"), os.Getenv("AUDIENCE"), os.Getenv("ADDR")); err != nil {
		slog.Error("whoami ended", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, issuer, audience, addr string) error {
	verifier, err := verify.New(ctx, issuer, audience,
		verify.AcceptPAT(verify.PATOptions{Scope: scope}), verify.WithRevocationFeed(verify.RevocationFeed{FailOpenFor: time.Minute}))
	if err != nil {
		return err
	}
	defer verifier.Close()
	server := &http.Server{Addr: addr, Handler: routes(verifier), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func routes(verifier *verify.Verifier) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /whoami", verifier.Middleware(http.HandlerFunc(whoami), verify.Require(scope)))
	return mux
}

func whoami(w http.ResponseWriter, r *http.Request) {
	claims, _ := verify.FromContext(r.Context())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"sub": claims.Subject, "client_id": claims.ClientID, "scopes": claims.Scopes})
}
