package revocations_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/revocations"
)

func TestState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.feed(0)
		require.Equal(t, revocations.State{}, w.made.State())
		w.end(token("t1", 3), jwt("j1"))
		began := time.Now()
		etag := ask(feed, 0).Header().Get("Etag")
		require.Equal(t, revocations.State{Entries: 2, Read: began}, w.made.State())
		done := make(chan struct{})
		go func() {
			defer close(done)
			held(feed, 0, etag, "wait=25")
		}()
		synctest.Wait()
		require.Equal(t, 1, w.made.State().Waiting)
		<-done
		require.Zero(t, w.made.State().Waiting)
	})
}
