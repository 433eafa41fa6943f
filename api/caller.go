package api

import (
	"context"

	"github.com/cambio-sts/cambio/manage"
)

type callerKey struct{}

func withCaller(ctx context.Context, who *manage.Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, who)
}

// callerFrom returns who acts. Every route lies behind the gate, which puts it
// there.
func callerFrom(ctx context.Context) *manage.Caller {
	who, _ := ctx.Value(callerKey{}).(*manage.Caller)
	return who
}
