package redis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// echoer answers ECHO on connections in memory, each turn after a while: all that has
// come by then. It never answers once it is stalled.
type echoer struct {
	turn    time.Duration
	stalled atomic.Bool
	turns   atomic.Int64
	most    atomic.Int64 // commands in a turn
}

func (e *echoer) client(t *testing.T) *goredis.Client {
	t.Helper()
	client := goredis.NewClient(&goredis.Options{
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go e.serve(theirs)
			return ours, nil
		},
		Protocol: 2, DisableIdentity: true, MaxRetries: -1, ReadTimeout: ioTimeout, WriteTimeout: ioTimeout, PoolTimeout: poolTimeout,
		ContextTimeoutEnabled: true, MaintNotificationsConfig: noMaintenance(),
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (e *echoer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReaderSize(conn, 1<<20)
	for {
		if _, err := reader.Peek(1); err != nil {
			return
		}
		time.Sleep(e.turn)
		for e.stalled.Load() {
			time.Sleep(time.Second)
		}
		var answers strings.Builder
		var several int64
		for reader.Buffered() > 0 {
			args, err := command(reader)
			if err != nil {
				return
			}
			several++
			if strings.EqualFold(args[0], "echo") {
				fmt.Fprintf(&answers, "$%d\r\n%s\r\n", len(args[1]), args[1])
			} else {
				answers.WriteString("-ERR unknown command\r\n")
			}
		}
		e.turns.Add(1)
		e.most.Store(max(e.most.Load(), several))
		if _, err := io.WriteString(conn, answers.String()); err != nil {
			return
		}
	}
}

func command(reader *bufio.Reader) ([]string, error) {
	number := func() (int, error) {
		line, err := reader.ReadString('\n')
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(line[1:]))
	}
	count, err := number()
	args := make([]string, count)
	for i := range args {
		length, err := number()
		if err != nil {
			return nil, err
		}
		text := make([]byte, length+2)
		if _, err := io.ReadFull(reader, text); err != nil {
			return nil, err
		}
		args[i] = string(text[:length])
	}
	return args, err
}

// echo asks for text.
func echo(ctx context.Context, group *together, client *goredis.Client, text string) (string, error) {
	cmd := goredis.NewStringCmd(ctx, "echo", text)
	if err := group.run(ctx, client, cmd, time.Now); err != nil {
		return "", err
	}
	return cmd.Val(), nil
}

func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &echoer{turn: time.Millisecond}
		client, group := server.client(t), &together{most: 2, few: 16}
		const callers, calls = 200, 20
		var all sync.WaitGroup
		for caller := range callers {
			all.Go(func() {
				for call := range calls {
					text := fmt.Sprint(caller, " ", call)
					got, err := echo(t.Context(), group, client, text)
					if err != nil || got != text {
						t.Errorf("%q: got %q, %v", text, got, err)
					}
				}
			})
		}
		all.Wait()
		require.Empty(t, group.waiting)
		require.Zero(t, group.underWay)
		require.Zero(t, group.behind)
		require.Equal(t, int64(groupSize), server.most.Load())
		require.Less(t, server.turns.Load(), int64(callers*calls/groupSize*2))
	})
}

// TestTogetherBehind: a group that is back is followed by another when few of it have not
// gone on.
func TestTogetherBehind(t *testing.T) {
	first, second := &seat{since: time.Now(), told: make(chan news, 1)}, &seat{since: time.Now(), told: make(chan news, 1)}
	group := &together{most: 2, few: 2, underWay: 2, waiting: []*seat{first, second}}
	group.settle(1, 4, time.Now)
	group.settle(0, -1, time.Now)
	require.Empty(t, first.told, "three are behind")
	group.settle(1, 1, time.Now)
	group.settle(0, -1, time.Now)
	require.Empty(t, first.told, "three are behind")
	group.settle(0, -1, time.Now)
	require.Equal(t, leads, <-first.told)
	require.Equal(t, leads, <-second.told, "two groups are back")
	require.Equal(t, 2, group.underWay)
	group.settle(2, 0, time.Now)
	require.Zero(t, group.underWay, "nobody waits")
	require.Zero(t, group.back)

	group = &together{most: 2, few: 2, underWay: 1, back: 1, behind: 3}
	go func() { _ = group.run(t.Context(), nil, goredis.NewStringCmd(t.Context(), "echo"), time.Now) }()
	require.Eventually(t, func() bool {
		group.mu.Lock()
		defer group.mu.Unlock()
		return len(group.waiting) == 1
	}, 10*time.Second, time.Millisecond, "whoever asks while many are behind waits, too")
	group.waiting[0].told <- late
}

func TestTogetherAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &echoer{turn: time.Millisecond}
		client, group := server.client(t), &together{most: 2, few: 16}
		start := time.Now()
		for range 10 {
			_, err := echo(t.Context(), group, client, "x")
			require.NoError(t, err)
		}
		// a turn each, and one to connect: nothing waits for company
		require.LessOrEqual(t, time.Since(start), 12*time.Millisecond)
		require.Equal(t, int64(1), server.most.Load())
	})
}

// TestTogetherStalled: whoever waits behind a server that does not answer is told within
// the time that an answer may take, and that nothing was sent.
func TestTogetherStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &echoer{turn: time.Millisecond}
		client, group := server.client(t), &together{most: 2, few: 16}
		_, err := echo(t.Context(), group, client, "x")
		require.NoError(t, err)
		server.stalled.Store(true)
		defer server.stalled.Store(false) // or its goroutines never end

		var queued atomic.Int64
		var all sync.WaitGroup
		start := time.Now()
		for range 10 * groupSize {
			all.Go(func() {
				_, err := echo(t.Context(), group, client, "x")
				if err == nil {
					t.Error("answered by nobody")
				}
				if errors.Is(err, errQueued) {
					queued.Add(1)
				}
			})
		}
		all.Wait()
		require.LessOrEqual(t, time.Since(start), 4*ioTimeout)
		require.Positive(t, queued.Load())
		require.False(t, mayHaveLeft(errQueued))
		require.Empty(t, group.waiting)
		require.Zero(t, group.underWay)
		require.Zero(t, group.behind)

		server.stalled.Store(false)
		time.Sleep(time.Second)
		got, err := echo(t.Context(), group, client, "again")
		require.NoError(t, err)
		require.Equal(t, "again", got)
	})
}

// panics is a hook by which the first group panics.
type panics struct {
	goredis.Hook

	once sync.Once
	left int64 // how many were in it besides its first
}

func (*panics) DialHook(next goredis.DialHook) goredis.DialHook          { return next }
func (*panics) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }

func (p *panics) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		p.once.Do(func() {
			p.left = int64(len(cmds) - 1)
			panic("as it is wanted")
		})
		return next(ctx, cmds)
	}
}

// TestTogetherPanic: who waited for a group that panicked has no answer, and whoever
// comes behind has.
func TestTogetherPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &echoer{turn: time.Millisecond}
		client, group := server.client(t), &together{most: 1, few: 16}
		hook := &panics{}
		client.AddHook(hook)
		var none, panicked atomic.Int64
		var all sync.WaitGroup
		for range 2 * groupSize {
			all.Go(func() {
				defer func() {
					if recover() != nil {
						panicked.Add(1)
					}
				}()
				if got, err := echo(t.Context(), group, client, "x"); errors.Is(err, errLost) {
					none.Add(1)
				} else if err != nil || got != "x" {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		all.Wait()
		require.Equal(t, int64(1), panicked.Load())
		require.Equal(t, hook.left, none.Load())
		require.Positive(t, hook.left)
		require.Empty(t, group.waiting)
		require.Zero(t, group.underWay)
		require.Zero(t, group.behind)
	})
}

// refuses is a hook by which no group finds a connection. go-redis does not say so to each
// command where it was the server that refused.
type refuses struct {
	goredis.Hook

	err error
}

func (refuses) DialHook(next goredis.DialHook) goredis.DialHook          { return next }
func (refuses) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }

func (r refuses) ProcessPipelineHook(goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(context.Context, []goredis.Cmder) error { return r.err }
}

// TestTogetherRefused: each of a group is told why it was not sent.
func TestTogetherRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &echoer{turn: time.Millisecond}
		client, group := server.client(t), &together{most: 1, few: 16}
		refused := errors.New("WRONGPASS")
		client.AddHook(refuses{err: refused})
		var why, alone atomic.Int64
		var all sync.WaitGroup
		for range groupSize {
			all.Go(func() {
				switch _, err := echo(t.Context(), group, client, "x"); {
				case errors.Is(err, refused):
					why.Add(1)
				case err == nil:
					alone.Add(1)
				}
			})
		}
		all.Wait()
		require.Greater(t, why.Load(), int64(1))
		require.Equal(t, int64(groupSize), why.Load()+alone.Load())
		require.LessOrEqual(t, alone.Load(), int64(2), "these had no group")
	})
}

// TestTogetherGone: that one caller leaves concerns no other, be it the first of a group
// or one behind.
func TestTogetherGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &echoer{turn: 10 * time.Millisecond}
		client, group := server.client(t), &together{most: 2, few: 16}
		var all sync.WaitGroup
		for caller := range 60 {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			leaves := caller%3 == 0
			all.Go(func() {
				text := strconv.Itoa(caller)
				got, err := echo(ctx, group, client, text)
				if leaves && err != nil {
					return // answered in time or not
				}
				if err != nil || got != text {
					t.Errorf("%q: got %q, %v", text, got, err)
				}
			})
			if leaves {
				defer time.AfterFunc(time.Duration(caller)*time.Millisecond, cancel).Stop()
			}
		}
		all.Wait()
		require.Empty(t, group.waiting)
		require.Zero(t, group.underWay)
		require.Zero(t, group.behind)
		_, err := echo(t.Context(), group, client, "x")
		require.NoError(t, err)
	})
}
