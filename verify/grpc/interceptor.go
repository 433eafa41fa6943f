package grpc

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/cambio-sts/cambio/verify"
)

// Option says what methods demand.
type Option func(*guard)

// Require demands scopes for every method that is not public.
func Require(scopes ...string) Option {
	return func(g *guard) { g.all = append(g.all, verify.Require(scopes...)) }
}

// RequireFor demands scopes for one method, besides what Require demands. The
// method is named in full, as /package.Service/Method.
func RequireFor(method string, scopes ...string) Option {
	return func(g *guard) { g.methods[method] = append(g.methods[method], verify.Require(scopes...)) }
}

// Public lets anyone call the methods, of health checks for one, without a look at
// what they bring. They are named in full, as /package.Service/Method.
func Public(methods ...string) Option {
	return func(g *guard) {
		for _, method := range methods {
			g.public[method] = true
		}
	}
}

// UnaryServerInterceptor protects unary methods. It fails with Unauthenticated
// for no valid token, PermissionDenied where a scope is lacking, InvalidArgument
// for credentials given twice, and Unavailable where nobody can tell.
func UnaryServerInterceptor(verifier *verify.Verifier, options ...Option) grpc.UnaryServerInterceptor {
	g := newGuard(verifier, options)
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, err := g.admit(ctx, info.FullMethod)
		if err != nil {
			return nil, err
		}
		return handler(ctx, request)
	}
}

// StreamServerInterceptor protects streaming methods likewise.
func StreamServerInterceptor(verifier *verify.Verifier, options ...Option) grpc.StreamServerInterceptor {
	g := newGuard(verifier, options)
	return func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, err := g.admit(stream.Context(), info.FullMethod)
		if err != nil {
			return err
		}
		return handler(server, &admitted{stream, func() context.Context { return ctx }})
	}
}

// admitted is a stream whose context holds the claims.
type admitted struct {
	grpc.ServerStream

	context func() context.Context
}

// Context returns the context that holds the claims.
func (a *admitted) Context() context.Context { return a.context() }

// guard knows what each method demands.
type guard struct {
	verifier *verify.Verifier
	all      []verify.Requirement
	methods  map[string][]verify.Requirement
	public   map[string]bool
}

func newGuard(verifier *verify.Verifier, options []Option) *guard {
	g := &guard{verifier: verifier, methods: map[string][]verify.Requirement{}, public: map[string]bool{}}
	for _, option := range options {
		option(g)
	}
	return g
}

// admit returns the context for a call that is let in. It fails with a status.
func (g *guard) admit(ctx context.Context, method string) (context.Context, error) {
	if g.public[method] {
		return ctx, nil
	}
	claims, err := g.authenticate(ctx, method)
	if err != nil {
		return ctx, refusal(err)
	}
	return verify.NewContext(ctx, claims), nil
}

func (g *guard) authenticate(ctx context.Context, method string) (*verify.Claims, error) {
	token, err := verify.Bearer(metadata.ValueFromIncomingContext(ctx, "authorization"))
	if err != nil {
		return nil, err
	}
	claims, err := g.verifier.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	requirements := append(append([]verify.Requirement{}, g.all...), g.methods[method]...)
	return claims, verify.Check(claims, requirements...)
}

// refusal says by a status what a challenge says over HTTP.
func refusal(err error) error {
	refused, ok := errors.AsType[*verify.Error](err)
	if !ok {
		return status.Error(codes.Unavailable, "access tokens cannot be checked now")
	}
	description := refused.Description
	if description == "" {
		description = "an access token is needed"
	}
	switch refused.Status {
	case http.StatusUnauthorized:
		return status.Error(codes.Unauthenticated, description)
	case http.StatusForbidden:
		return status.Error(codes.PermissionDenied, description)
	case http.StatusBadRequest:
		return status.Error(codes.InvalidArgument, description)
	default:
		return status.Error(codes.Unavailable, description)
	}
}
