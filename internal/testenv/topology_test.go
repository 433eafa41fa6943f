package testenv

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSentinelPromotes(t *testing.T) {
	t.Parallel()
	s := Sentinel(t, RedisOptions{})
	first := s.Primary()
	require.Same(t, s.Nodes[0], first)
	first.MustDo("SET", "key", "value")
	require.Equal(t, "2", first.MustDo("WAIT", "2", "2000"))
	first.Kill()
	second := s.Promoted(first)
	require.Equal(t, "value", second.MustDo("GET", "key"))
	require.Regexp(t, `^redis\+sentinel://127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+/0\?master=cambio$`, s.URL())
}

func TestClusterPromotesAndMoves(t *testing.T) {
	t.Parallel()
	c := Cluster(t, RedisOptions{})
	first := c.Primary("key")
	first.MustDo("SET", "key", "value")
	require.Equal(t, "1", first.MustDo("WAIT", "1", "2000"))
	first.Kill()
	second := c.Promoted("key", first)
	require.Equal(t, "value", second.MustDo("GET", "key"))
	for _, node := range c.Nodes[:3] {
		if node != first {
			c.MoveSlot("key", node)
			require.Same(t, node, c.Primary("key"))
			require.Equal(t, "value", node.MustDo("GET", "key"))
		}
	}
}
