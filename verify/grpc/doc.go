// Package grpc protects the methods of a gRPC server as verify's Middleware does
// the handlers of an HTTP server.
//
//	metadata authorization: Bearer … ──▶ interceptor ──▶ verify ──▶ method, which finds the claims by verify.FromContext
//
// Every method is protected, those that a service gets later included, unless
// Public names it. The token of a stream is checked when the stream begins.
//
// It refuses to know how tokens are checked. Clients send theirs by
// google.golang.org/grpc/credentials/oauth with the source of verify/oauth2.
package grpc
