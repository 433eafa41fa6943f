package transfer_test

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
	"github.com/cambio-sts/cambio/storage/storagetest"
	"github.com/cambio-sts/cambio/storage/transfer"
)

// place is where a store lies.
type place struct {
	name string
	open func(t *testing.T, importing bool) (store, error)
}

// store is either of the two.
type store struct {
	transfer.Store
	storagetest.Stores

	close func()
}

func file(t *testing.T, name string) place {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cambio.db")
	return place{name, func(t *testing.T, importing bool) (store, error) {
		t.Helper()
		db, err := bolt.Open(bolt.Config{Path: path, Create: importing, Importing: importing, Now: time.Now})
		if err != nil {
			return store{}, err
		}
		t.Cleanup(func() { _ = db.Close() })
		return store{db, storagetest.Stores{
			PATs: db.PATs(), Uses: db.Uses(), Identities: db.Identities(), Catalog: db.Catalog(), Keys: db.Keys(), Outbox: db.Outbox(),
			Ended: db.Ended(),
		}, func() { _ = db.Close() }}, nil
	}}
}

func servers(t *testing.T, name string, config redis.Config) place {
	t.Helper()
	return place{name, func(t *testing.T, importing bool) (store, error) {
		t.Helper()
		config.Durability, config.Now, config.Importing = redis.Verified, time.Now, importing
		db, err := redis.Open(t.Context(), config)
		if err != nil {
			return store{}, err
		}
		t.Cleanup(func() { _ = db.Close() })
		return store{db, storagetest.Stores{
			PATs: db.PATs(), Uses: db.Uses(), Identities: db.Identities(), Catalog: db.Catalog(), Keys: db.Keys(), Outbox: db.Outbox(),
			Ended: db.Ended(),
		}, func() { _ = db.Close() }}, nil
	}}
}

func standalone(t *testing.T, name string) place {
	t.Helper()
	return servers(t, name, redis.Config{Addrs: []string{testenv.Redis(t, testenv.RedisOptions{}).Addr()}})
}

func (p place) mustOpen(t *testing.T, importing bool) store {
	t.Helper()
	s, err := p.open(t, importing)
	require.NoError(t, err, p.name)
	return s
}

// fill makes a store in a place and closes it.
func fill(t *testing.T, p place) *storagetest.Whole {
	t.Helper()
	s := p.mustOpen(t, true)
	defer s.close()
	return storagetest.Fill(t, s.Stores)
}

func silent(int) {}

// TestCopy carries everything from each kind of store to each, over several hops.
func TestCopy(t *testing.T) {
	cluster := testenv.Cluster(t, testenv.RedisOptions{})
	places := []place{
		file(t, "file"), standalone(t, "redis"), standalone(t, "redis again"),
		servers(t, "cluster", redis.Config{Topology: redis.Cluster, Addrs: cluster.Addrs(), Replicas: 1}), file(t, "file again"), file(t, "third file"),
	}
	whole := fill(t, places[0])
	var sums []transfer.Sum
	for i, p := range places[1:] {
		from, to := places[i].mustOpen(t, false), p.mustOpen(t, true)
		told := 0
		require.NoError(t, transfer.Copy(t.Context(), &transfer.Source{Readable: from, Name: "there"}, to, func(items int) { told += items }), p.name)
		_, err := p.open(t, false)
		require.Error(t, err, "it is not finished")
		require.NoError(t, to.Finish(t.Context()))
		sum, err := transfer.SumOf(t.Context(), to)
		require.NoError(t, err)
		require.Equal(t, told, sum.Items)
		sums = append(sums, sum)
		n, err := to.Count(t.Context())
		require.NoError(t, err)
		require.InDelta(t, told, n, 1)
		from.close()
		to.close()
	}
	for _, sum := range sums {
		require.Equal(t, sums[0], sum)
	}
	for _, p := range []place{places[1], places[3], places[5]} {
		s := p.mustOpen(t, false)
		whole.Require(t, s.Stores)
		s.close()
	}
}

// interrupted fails as its target takes the batch of a number.
type interrupted struct {
	transfer.Store

	after int
}

var errInterrupted = errors.New("interrupted")

func (s *interrupted) Import(ctx context.Context, items []transfer.Item, mark transfer.Mark) error {
	if s.after--; s.after < 0 {
		return errInterrupted
	}
	return s.Store.Import(ctx, items, mark)
}

// TestInterrupted: a copy that is cut off at any place goes on, and ends as one that
// was not.
func TestInterrupted(t *testing.T) {
	from, to, plain := file(t, "file"), standalone(t, "redis"), file(t, "plain")
	back := file(t, "back")
	whole := fill(t, from)
	for _, hop := range [][2]place{{from, to}, {to, back}, {back, plain}} {
		source := hop[0].mustOpen(t, false)
		for attempt := 0; ; attempt++ {
			target := hop[1].mustOpen(t, true)
			err := transfer.Copy(t.Context(), &transfer.Source{Readable: source, Name: "there"}, &interrupted{target, 1}, silent)
			if err == nil {
				require.Positive(t, attempt, "it was interrupted at least once")
				require.NoError(t, transfer.Copy(t.Context(), &transfer.Source{Readable: source, Name: "there"}, &interrupted{target, 0}, silent), "there is nothing left")
				require.NoError(t, target.Finish(t.Context()))
				target.close()
				break
			}
			require.ErrorIs(t, err, errInterrupted)
			var other *transfer.OtherSourceError
			require.ErrorAs(t, transfer.Copy(t.Context(), &transfer.Source{Readable: source, Name: "elsewhere"}, target, silent), &other)
			require.Equal(t, "there", other.Source)
			target.close()
			require.Less(t, attempt, 1000)
		}
		source.close()
	}
	s := plain.mustOpen(t, false)
	whole.Require(t, s.Stores)
}

// TestChangedSource: a copy of one state of a store does not go on with another, and
// of two processes that fill a target the later one does.
func TestChangedSource(t *testing.T) {
	for _, to := range []place{file(t, "file"), standalone(t, "redis")} {
		from := file(t, "from")
		fill(t, from)
		source := from.mustOpen(t, false)
		sum, err := transfer.SumOf(t.Context(), source)
		require.NoError(t, err)
		target := to.mustOpen(t, true)
		stopped := &transfer.Source{Readable: source, Name: "there", Sum: &sum}
		require.ErrorIs(t, transfer.Copy(t.Context(), stopped, &interrupted{target, 0}, silent), errInterrupted)
		changed := sum
		changed.Digest[0]++
		var other *transfer.OtherSourceError
		require.ErrorAs(t, transfer.Copy(t.Context(), &transfer.Source{Readable: source, Name: "there", Sum: &changed}, target, silent), &other)

		state, err := target.State(t.Context())
		require.NoError(t, err)
		require.NoError(t, transfer.Copy(t.Context(), stopped, target, silent))
		if to.name == "redis" {
			require.ErrorIs(t, target.Import(t.Context(), nil, *state.Mark), transfer.ErrTaken)
			require.NoError(t, target.Finish(t.Context()))
			require.ErrorIs(t, target.Import(t.Context(), nil, *state.Mark), transfer.ErrTaken)
		}
		source.close()
	}
	from, to := file(t, "from"), file(t, "to")
	fill(t, from)
	source := from.mustOpen(t, false)
	sum, err := transfer.SumOf(t.Context(), source)
	require.NoError(t, err)
	sum.Items++
	var mismatch *transfer.MismatchError
	require.ErrorAs(t, transfer.Copy(t.Context(), &transfer.Source{Readable: source, Name: "there", Sum: &sum}, to.mustOpen(t, true), silent), &mismatch)
}

// TestFilledTarget: what has things of its own is no target.
func TestFilledTarget(t *testing.T) {
	for _, to := range []place{file(t, "file"), standalone(t, "redis")} {
		from := file(t, "from")
		fill(t, from)
		whole := fill(t, to)
		source, target := from.mustOpen(t, false), to.mustOpen(t, true)
		require.ErrorIs(t, transfer.Copy(t.Context(), &transfer.Source{Readable: source, Name: "there"}, target, silent), transfer.ErrNotEmpty, to.name)
		source.close()
		whole.Require(t, target.Stores)
	}
}

// forgetful loses, or changes, one token of what it yields.
type forgetful struct {
	transfer.Store

	change func(items []transfer.Item) []transfer.Item
}

func (s forgetful) Items(ctx context.Context, after string) iter.Seq2[transfer.Batch, error] {
	return func(yield func(transfer.Batch, error) bool) {
		for batch, err := range s.Store.Items(ctx, after) {
			batch.Items = s.change(batch.Items)
			if !yield(batch, err) {
				return
			}
		}
	}
}

// TestVerified: a target that holds something else than was read is told of.
func TestVerified(t *testing.T) {
	for name, change := range map[string]func([]transfer.Item) []transfer.Item{
		"one is lost": func(items []transfer.Item) []transfer.Item { return items[:len(items)-1] },
		"one is there twice": func(items []transfer.Item) []transfer.Item {
			return append(slices.Clip(items), items[len(items)-1])
		},
		"one is another": func(items []transfer.Item) []transfer.Item {
			for i := range items {
				if items[i].Token != nil {
					changed := *items[i].Token
					changed.State = pat.StateRevoked
					items[i].Token = &changed
				}
			}
			return items
		},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := file(t, "from"), file(t, "to")
			fill(t, from)
			target := to.mustOpen(t, true)
			err := transfer.Copy(t.Context(), &transfer.Source{Readable: from.mustOpen(t, false), Name: "there"}, forgetful{target, change}, silent)
			var mismatch *transfer.MismatchError
			require.ErrorAs(t, err, &mismatch)
			require.NotEqual(t, mismatch.Read, mismatch.Stored)
			target.close()
			_, err = to.open(t, false)
			require.ErrorContains(t, err, "has not finished")
		})
	}
}
