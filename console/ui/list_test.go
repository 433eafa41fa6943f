package ui

import (
	"io/fs"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// emptyFS has no pages and no texts.
type emptyFS struct{}

func (emptyFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func TestListLeadsOn(t *testing.T) {
	t.Parallel()
	l := &List{Path: "/p", Query: url.Values{"q": {"a b"}}, Order: "-created", Offset: PageSize, Shown: PageSize, Total: 3 * PageSize}
	require.Equal(t, "/p?q=a+b&sort=-created", l.Previous())
	require.Equal(t, "/p?offset=60&q=a+b&sort=-created", l.Next())
	require.Equal(t, "/p?q=a+b&sort=name", l.SortURL("name"))
	require.Equal(t, "/p?q=a+b&sort=created", l.SortURL("created"))
	require.Equal(t, "descending", l.Direction("created"))
	require.Equal(t, "none", l.Direction("name"))
	require.Equal(t, "/p?q=a+b&sort=-created&status=Active", l.With("status", "Active"))
	require.Equal(t, "/p?sort=-created", l.With("q", ""))
	require.Equal(t, url.Values{"q": {"a b"}}, l.Query, "nothing changed what was asked for")
	require.Equal(t, PageSize+1, l.First())
	require.Equal(t, 2*PageSize, l.Last())

	last := &List{Path: "/p", Offset: 2 * PageSize, Shown: 20, Total: 2*PageSize + 20}
	require.Empty(t, last.Next())
	require.Equal(t, "/p?offset=30", last.Previous())
	unknown := &List{Path: "/p", Shown: PageSize, Total: -1}
	require.Equal(t, "/p?offset=30", unknown.Next())
	require.Empty(t, unknown.Previous())
}

func TestBarsAreDrawnToScale(t *testing.T) {
	t.Parallel()
	p := (&Bars{Series: []Bar{{Value: 10, More: 10}, {Value: 5}, {}}}).draw()
	require.Equal(t, 20, p.Top)
	require.InDelta(t, float64(p.Base-barsTop), p.Columns[0].Height+p.Columns[0].MoreHeight, 0.01)
	require.InDelta(t, float64(p.Base-barsTop)/4, p.Columns[1].Height, 0.01)
	require.Zero(t, p.Columns[2].Height)
	for _, c := range p.Columns {
		require.GreaterOrEqual(t, c.MoreY, float64(barsTop)-0.01)
		require.LessOrEqual(t, c.X+c.Width, 100.0, "percent")
	}
	require.Empty(t, (&Bars{}).draw().Columns)
}
