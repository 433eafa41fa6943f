package grpc_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/cambio-sts/cambio/verify"
	verifygrpc "github.com/cambio-sts/cambio/verify/grpc"
)

const (
	issuer   = "https://sts.example.com"
	audience = "https://orders.example.com"
)

// issued signs for an authorization server in memory.
type issued struct{ private ed25519.PrivateKey }

func (i issued) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	public, _ := i.private.Public().(ed25519.PublicKey)
	answer := map[string]any{"issuer": issuer, "jwks_uri": issuer + "/jwks"}
	if r.URL.Path == "/jwks" {
		answer = map[string]any{"keys": []any{map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": base64.RawURLEncoding.EncodeToString(public)}}}
	}
	err := json.NewEncoder(w).Encode(answer)
	return w.Result(), err
}

func (i issued) token(t *testing.T, scope string, life time.Duration) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": "alice", "client_id": "c", "jti": "j", "scope": scope,
		"iat": time.Now().Add(-time.Hour).Unix(), "exp": time.Now().Add(life).Unix(),
	})
	token.Header["typ"], token.Header["kid"] = "at+jwt", "1"
	signed, err := token.SignedString(i.private)
	require.NoError(t, err)
	return signed
}

// health answers who called it.
type health struct {
	grpc_health_v1.UnimplementedHealthServer

	subjects chan string
}

func (h *health) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	h.tell(ctx)
	return &grpc_health_v1.HealthCheckResponse{}, nil
}

func (h *health) Watch(_ *grpc_health_v1.HealthCheckRequest, stream grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]) error {
	h.tell(stream.Context())
	return nil
}

func (h *health) tell(ctx context.Context) {
	subject := "nobody"
	if claims, ok := verify.FromContext(ctx); ok {
		subject = claims.Subject
	}
	h.subjects <- subject
}

// serve starts a server with the options and returns a client and who called.
func serve(t *testing.T, verifier *verify.Verifier, options ...verifygrpc.Option) (grpc_health_v1.HealthClient, <-chan string) {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer(
		grpc.UnaryInterceptor(verifygrpc.UnaryServerInterceptor(verifier, options...)),
		grpc.StreamInterceptor(verifygrpc.StreamServerInterceptor(verifier, options...)),
	)
	service := &health{subjects: make(chan string, 1)}
	grpc_health_v1.RegisterHealthServer(server, service)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	connection, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	return grpc_health_v1.NewHealthClient(connection), service.subjects
}

func TestInterceptors(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	i := issued{private}
	verifier, err := verify.New(t.Context(), issuer, audience, verify.WithHTTPClient(&http.Client{Transport: i}))
	require.NoError(t, err)
	t.Cleanup(verifier.Close)
	const check, watch = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
	good, narrow, expired := i.token(t, "a b", time.Hour), i.token(t, "a", time.Hour), i.token(t, "a b", -time.Minute)
	scopes := []verifygrpc.Option{verifygrpc.Require("a"), verifygrpc.RequireFor(check, "b"), verifygrpc.RequireFor(watch, "b")}
	public := []verifygrpc.Option{verifygrpc.Public(check, watch)}
	for name, tc := range map[string]struct {
		options []verifygrpc.Option
		header  []string
		want    codes.Code
		message string
		subject string
	}{
		"good":               {header: []string{"Bearer " + good}, subject: "alice"},
		"scopes held":        {options: scopes, header: []string{"bearer " + good}, subject: "alice"},
		"public":             {options: public, subject: "nobody"},
		"public, a token":    {options: public, header: []string{"Bearer x"}, subject: "nobody"},
		"none":               {want: codes.Unauthenticated, message: "an access token is needed"},
		"another scheme":     {header: []string{"Basic x"}, want: codes.Unauthenticated, message: "an access token is needed"},
		"invalid":            {header: []string{"Bearer " + good + "x"}, want: codes.Unauthenticated, message: "the access token is invalid"},
		"expired":            {header: []string{"Bearer " + expired}, want: codes.Unauthenticated, message: "the access token expired"},
		"scope lacking":      {options: scopes, header: []string{"Bearer " + narrow}, want: codes.PermissionDenied, message: "the access token lacks a scope that this needs"},
		"two tokens":         {header: []string{"Bearer " + good, "Bearer " + good}, want: codes.InvalidArgument, message: "there is more than one Authorization header"},
		"of another service": {options: []verifygrpc.Option{verifygrpc.Public("/grpc.health.v1.Health/Other")}, want: codes.Unauthenticated, message: "an access token is needed"},
	} {
		t.Run(name, func(t *testing.T) {
			client, subjects := serve(t, verifier, tc.options...)
			ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": tc.header})
			_, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
			requireOutcome(t, err, tc.want, tc.message, tc.subject, subjects)
			stream, err := client.Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
			require.NoError(t, err)
			_, err = stream.Recv()
			if tc.want == codes.OK {
				err = nil // the end of the stream
			}
			requireOutcome(t, err, tc.want, tc.message, tc.subject, subjects)
		})
	}
}

func requireOutcome(t *testing.T, err error, want codes.Code, message, subject string, subjects <-chan string) {
	t.Helper()
	require.Equal(t, want, status.Code(err))
	if want == codes.OK {
		require.Equal(t, subject, <-subjects)
		return
	}
	require.Equal(t, message, status.Convert(err).Message())
	require.Empty(t, subjects)
}

func TestUnavailable(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	i := issued{private}
	verifier, err := verify.New(t.Context(), issuer, audience, verify.WithHTTPClient(&http.Client{Transport: i}), verify.WithRevocations(behind{}))
	require.NoError(t, err)
	t.Cleanup(verifier.Close)
	client, _ := serve(t, verifier)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+i.token(t, "a", time.Hour))
	_, err = client.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	require.Equal(t, codes.Unavailable, status.Code(err))
}

// behind is a source of revocations that has lost touch.
type behind struct{}

func (behind) Revoked(context.Context, *verify.Claims) (bool, error) {
	return false, context.DeadlineExceeded
}
