package redis

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestSentRemembersForADay(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	m := &sent{log: zap.New(core)}
	start := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	numbers := func(since uint64) (out []uint64) {
		for _, one := range m.since(since) {
			out = append(out, one.number)
		}
		return out
	}
	require.Empty(t, numbers(0))
	m.add(start, "00", nil)
	undone := m.add(start.Add(time.Hour), "01", nil)
	m.add(start.Add(2*time.Hour), "cfg", nil)
	require.Equal(t, []uint64{1, 2, 3}, numbers(0))
	require.Equal(t, []uint64{3}, numbers(2))
	m.forget(undone)
	require.Equal(t, []uint64{1, 3}, numbers(0))
	m.add(start.Add(rememberFor), "02", nil)
	require.Equal(t, []uint64{3, 4}, numbers(0), "a day is over for the first")
	require.Zero(t, logs.Len())

	late := start.Add(26 * time.Hour)
	for range rememberMost {
		m.add(late, "03", nil)
	}
	require.Len(t, m.since(0), rememberMost)
	require.Equal(t, 1, logs.Len(), "somebody should know, once a minute")
	require.EqualValues(t, 5, m.since(0)[0].number)
}
