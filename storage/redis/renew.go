package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

const (
	// renewTimeout bounds the beginning of a session, with all that is repeated.
	renewTimeout = 15 * time.Second
	// beatEvery is the time between two looks at the primaries.
	beatEvery = 500 * time.Millisecond
	// repeatsAtOnce is how many remembered changes are repeated at the same time.
	repeatsAtOnce = 16
)

var errClosed = errors.New("the store is closed")

// serving returns the session to use, a new one if the last was spoiled.
func (db *DB) serving(ctx context.Context) (*session, error) {
	for {
		s := db.session.Load()
		if s.spoiled.Load() {
			if err := db.renew(ctx, s); err != nil {
				return nil, err
			}
			continue
		}
		select {
		case <-s.ready:
			if !s.spoiled.Load() { // it may be, by what was sent while it began
				return s, nil
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a session with redis: %w", context.Cause(ctx))
		}
	}
}

// renew replaces a spoiled session. Of many callers one does it; who waits no
// longer does not keep it from going on.
func (db *DB) renew(ctx context.Context, spoiled *session) error {
	done := db.renewing.DoChan("", func() (any, error) {
		if db.session.Load() != spoiled {
			return nil, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewTimeout)
		defer cancel()
		err := db.begin(ctx)
		if err != nil {
			db.log.Warn("redis changed, and what was sent before cannot be repeated yet", zap.Error(err))
		}
		return nil, err
	})
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return fmt.Errorf("wait for a session with redis: %w", context.Cause(ctx))
	}
}

// begin replaces the session, if there is one, by a new one. On every server
// that the new one knows all has been repeated that was sent until it was in
// place: by a session that finds out who there is, of which no connection is kept.
func (db *DB) begin(ctx context.Context) error {
	old, finds := db.session.Load(), newSession(&db.config, db.scripts.beat, nil)
	met, last, err := db.prepare(ctx, finds)
	_ = finds.Close()
	if finds.alone && errors.Is(err, errReplica) {
		return &PolicyError{"role", "slave", "name the primary in store.url, not a replica"}
	}
	if err != nil {
		return unavailable("begin a session with redis", err)
	}
	next := newSession(&db.config, db.scripts.beat, met)
	next.follow(old)
	if db.ended.Load() || !db.session.CompareAndSwap(old, next) {
		return errors.Join(unavailable("begin a session with redis", errClosed), next.Close())
	}
	// What was sent to the old servers since: no call is on its way to them that
	// is not remembered by now.
	if db.repeat(ctx, next, met, db.sent.since(last)) != nil {
		next.spoiled.Store(true)
	}
	close(next.ready)
	db.begun.Add(1)
	if old != nil {
		db.log.Info("a new session with redis has begun", zap.Int("primaries", len(met)))
		_ = old.Close() // who still waits for an answer there asks again here
	}
	return nil
}

// prepare meets the servers and repeats on them what was sent until last. It fails if one
// that was met is not the same afterwards, or did not get or take all of it. One that does
// not answer is not met, and stays a stranger.
func (db *DB) prepare(ctx context.Context, s *session) (met lives, last uint64, err error) {
	if met, err = s.meet(ctx); err != nil {
		return nil, 0, err
	}
	sent := db.sent.since(0)
	if len(sent) == 0 {
		return met, 0, nil
	}
	if err := db.repeat(ctx, s, met, sent); err != nil {
		return nil, 0, err
	}
	again, err := s.meet(ctx)
	if err != nil {
		return nil, 0, err
	}
	for addr, who := range met {
		if again[addr] != who {
			return nil, 0, errStranger
		}
	}
	return met, sent[len(sent)-1].number, nil
}

// repeat sends remembered changes again, to those servers that were met, until one fails.
// The others get them when they are met.
func (db *DB) repeat(ctx context.Context, s *session, met lives, sent []*remembered) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(repeatsAtOnce)
	for _, one := range sent {
		all.Go(func() error {
			primary, err := s.primary(ctx, one.shard)
			if err != nil {
				return fmt.Errorf("find the primary of a shard: %w", err)
			}
			if _, found := met[primary.Options().Addr]; !found {
				return nil
			}
			return one.again(ctx, s)
		})
	}
	return all.Wait() //nolint:wrapcheck // each says what it repeats
}

// beat looks at the primaries, with a new session if the last was spoiled.
func (db *DB) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, db.config.within(callTimeout))
	defer cancel()
	s, err := db.serving(ctx)
	if err != nil {
		return
	}
	if s.outdated(&db.config) {
		s.spoiled.Store(true)
	} else if _, err = db.look(ctx, s); err == nil {
		s.cut.Store(nil)
	} else {
		s.moved(ctx)
		if s.cut.Swap(&err) == nil {
			db.log.Warn("a redis primary does not take writes", zap.Error(err))
		}
	}
	if !s.spoiled.Load() {
		return
	}
	if s, err = db.serving(ctx); err == nil { // else the next call or beat tries again
		_, _ = db.look(ctx, s) // others wait for what this process says
	}
}
