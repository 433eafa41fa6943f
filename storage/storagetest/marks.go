package storagetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Marks is the port of internal/jobs.
type Marks interface {
	Mark(ctx context.Context, name string) (time.Time, error)
	SetMark(ctx context.Context, name string, at time.Time) error
}

// RunMarks proves the port over a store that has no marks. other is what another
// process sees of it, or the same.
func RunMarks(t *testing.T, marks, other Marks) {
	t.Helper()
	ctx, now := t.Context(), clock()
	requireMark := func(marks Marks, name string, want time.Time) {
		t.Helper()
		got, err := marks.Mark(ctx, name)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	requireMark(marks, "work", time.Time{})
	require.NoError(t, marks.SetMark(ctx, "work", now.Add(999*time.Microsecond)))
	requireMark(other, "work", now)
	requireMark(other, "other work", time.Time{})
	require.NoError(t, other.SetMark(ctx, "work", now.Add(-time.Millisecond)))
	requireMark(marks, "work", now)
	require.NoError(t, other.SetMark(ctx, "work", now.Add(time.Millisecond)))
	requireMark(marks, "work", now.Add(time.Millisecond))
	together(20, func(i int) { _ = marks.SetMark(ctx, "raced", now.Add(time.Duration(i)*time.Second)) })
	requireMark(other, "raced", now.Add(19*time.Second))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	require.Error(t, marks.SetMark(ended, "work", now.Add(time.Hour)))
	requireMark(marks, "work", now.Add(time.Millisecond))
}
