package id_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/id"
)

func TestNew(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		made := id.New()
		require.True(t, id.Valid(made), made)
		require.False(t, seen[made], "an id repeats")
		seen[made] = true
	}
}

func TestNewInSharesTheShard(t *testing.T) {
	sibling := "a7" + strings.Repeat("0", id.Len-id.ShardLen)
	made := id.NewIn(sibling)
	require.True(t, id.Valid(made))
	require.Equal(t, "a7", id.Shard(made))
	require.NotEqual(t, sibling, made)
}

func TestShardName(t *testing.T) {
	require.Equal(t, "00", id.ShardName(0))
	require.Equal(t, "0f", id.ShardName(15))
	require.Equal(t, "ff", id.ShardName(id.Shards-1))
}

func TestValid(t *testing.T) {
	good := strings.Repeat("0f", id.Len/2)
	require.True(t, id.Valid(good))
	for name, bad := range map[string]string{
		"empty":     "",
		"short":     good[1:],
		"long":      good + "0",
		"uppercase": strings.ToUpper(good),
		"not hex":   "g" + good[1:],
		"brace":     "{" + good[1:],
		"newline":   good[1:] + "\n",
	} {
		require.False(t, id.Valid(bad), name)
	}
}
