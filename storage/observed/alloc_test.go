package observed_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/observed"
)

// answering is a store whose uses cost nothing.
type answering struct{ observed.Ports }

func (answering) Uses() pat.UseStore { return answeringUses{} }

type answeringUses struct{ pat.UseStore }

func (answeringUses) Use(context.Context, pat.Presentation) (*pat.Used, error) { return &used, nil }

var used pat.Used

type nobody struct{}

func (nobody) StoreCalled(string, time.Duration, bool, string) {}

// A call that belongs to no trace takes no memory for being observed.
func TestNoAllocations(t *testing.T) {
	uses := observed.New(answering{}, nobody{}, time.Now).Uses()
	ctx, presentation := t.Context(), pat.Presentation{}
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = uses.Use(ctx, presentation) }))
}
