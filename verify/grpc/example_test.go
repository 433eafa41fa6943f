package grpc_test

import (
	"google.golang.org/grpc"

	"github.com/cambio-sts/cambio/verify"
	verifygrpc "github.com/cambio-sts/cambio/verify/grpc"
)

func ExampleUnaryServerInterceptor() {
	var verifier *verify.Verifier

	rules := []verifygrpc.Option{
		verifygrpc.Require("orders:order:read"),
		verifygrpc.RequireFor("/orders.v1.Orders/Delete", "orders:order:write"),
		verifygrpc.Public("/grpc.health.v1.Health/Check"),
	}
	server := grpc.NewServer(
		grpc.UnaryInterceptor(verifygrpc.UnaryServerInterceptor(verifier, rules...)),
		grpc.StreamInterceptor(verifygrpc.StreamServerInterceptor(verifier, rules...)),
	)
	_ = server
}
