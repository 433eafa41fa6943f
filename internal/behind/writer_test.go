package behind_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"

	"github.com/cambio-sts/cambio/internal/behind"
)

const every = 100 * time.Millisecond

var _ zapcore.WriteSyncer = (*behind.Writer)(nil)

// stream remembers what was written to it, and with how many calls.
type stream struct {
	mu    sync.Mutex
	calls int
	text  bytes.Buffer
	err   error
	stuck chan struct{} // if any, a call waits until it is closed
}

func (s *stream) Write(p []byte) (int, error) {
	if s.stuck != nil {
		<-s.stuck
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err != nil {
		return 0, s.err
	}
	return s.text.Write(p)
}

func (s *stream) seen() (calls int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, s.text.String()
}

func write(t *testing.T, w *behind.Writer, text string) {
	t.Helper()
	n, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.Equal(t, len(text), n)
}

func TestLinesOfAMomentAreOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out stream
		w := behind.NewWriter(&out, every)
		write(t, w, "a\n")
		time.Sleep(every / 2)
		write(t, w, "b\n")
		synctest.Wait()
		calls, _ := out.seen()
		require.Zero(t, calls)
		time.Sleep(every / 2)
		synctest.Wait()
		calls, text := out.seen()
		require.Equal(t, 1, calls)
		require.Equal(t, "a\nb\n", text)
		require.NoError(t, w.Close())
	})
}

func TestMuchIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out stream
		w := behind.NewWriter(&out, time.Hour)
		much := strings.Repeat("x", 64<<10)
		write(t, w, much)
		synctest.Wait()
		_, text := out.seen()
		require.Equal(t, much, text)
		require.NoError(t, w.Close())
	})
}

func TestSyncAndCloseWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out stream
		w := behind.NewWriter(&out, time.Hour)
		start := time.Now()
		require.NoError(t, w.Sync(), "nothing waits")
		for i, end := range []func() error{w.Sync, w.Sync, w.Close, w.Close} {
			write(t, w, "a\n")
			require.NoError(t, end())
			_, text := out.seen()
			require.Equal(t, strings.Repeat("a\n", i+1), text)
		}
		require.Zero(t, time.Since(start), "at once")
	})
}

func TestStuckStreamLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := stream{stuck: make(chan struct{})}
		w := behind.NewWriter(&out, every)
		var writing sync.WaitGroup
		var done atomic.Int64
		want := 0
		for i := range 80 { // 4 MiB
			line := fmt.Sprintf("%02d%s\n", i, strings.Repeat("x", 50<<10))
			want += len(line)
			writing.Go(func() {
				_, _ = w.Write([]byte(line))
				done.Add(1)
			})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		calls, _ := out.seen()
		require.Zero(t, calls)
		require.Less(t, done.Load(), int64(50), "at most two MiB and a line are taken: what is being written, and what waits")
		close(out.stuck)
		writing.Wait()
		require.NoError(t, w.Close())
		_, text := out.seen()
		require.Len(t, text, want)
		require.Equal(t, 80, strings.Count(text, "\n"))
		for line := range strings.Lines(text) {
			require.Len(t, line, len(text)/80)
		}
	})
}

// TestCloseWhileStuck: who waits for room when it is closed writes after what was there.
func TestCloseWhileStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := stream{stuck: make(chan struct{})}
		w := behind.NewWriter(&out, every)
		write(t, w, strings.Repeat("a", 1<<20)) // the stream hangs on it
		time.Sleep(every)
		write(t, w, strings.Repeat("b", 1<<20))
		var others sync.WaitGroup
		others.Go(func() { _, _ = w.Write([]byte("c")) })
		synctest.Wait()
		others.Go(func() { _ = w.Close() })
		synctest.Wait()
		close(out.stuck)
		others.Wait()
		_, text := out.seen()
		require.Equal(t, strings.Repeat("a", 1<<20)+strings.Repeat("b", 1<<20)+"c", text)
	})
}

func TestFirstErrorOfTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left on device")
		out := stream{err: full}
		w := behind.NewWriter(&out, every)
		write(t, w, "a\n")
		require.ErrorIs(t, w.Sync(), full)
		require.ErrorIs(t, w.Close(), full)
	})
}
