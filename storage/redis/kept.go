package redis

import (
	"context"
	"errors"
	"hash/fnv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/internal/id"
)

// Kept keeps small values until they expire, by the server's clock. They are no
// records: no import and no backup carries them (transfer.go).
//
// A change is confirmed as any other is, and sent again once if its connection broke.
// It is not remembered for a server that takes over and lacks it, as what ends a token
// is (sent.go): people sign in too often for that, and what they may do is in records.
type Kept struct{ db *DB }

// Kept returns the store of console/session.
func (db *DB) Kept() Kept { return Kept{db} }

// takenFor is how long a value that was taken can be answered again to the one who
// took it and did not hear: longer than a call.
const takenFor = 10 * time.Second

// keptKey spreads the values over the shards. What a name has in it is no hash tag: the
// first of a key counts.
func keptKey(name string) string {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(name)) // never fails
	return key(id.ShardName(int(sum.Sum32()%id.Shards)), "kept:"+name)
}

// Get returns the value of name, unless there is none or it has expired.
// fault.ErrUnavailable.
func (s Kept) Get(ctx context.Context, name string) (value []byte, found bool, err error) {
	const what = "get a kept value"
	c := call{what: what, script: s.db.scripts.keptGet, keys: []string{keptKey(name), ""}}
	c.keys[1] = epochKey(c.shard())
	answer, err := s.db.do(ctx, c)
	if err != nil {
		return nil, false, err
	}
	return valueOf(what, answer)
}

// Put keeps value for life, a millisecond at least, in place of what name had.
// fault.ErrUnavailable, also from a server that is full, unless name has one.
func (s Kept) Put(ctx context.Context, name string, value []byte, life time.Duration) error {
	const what = "keep a value"
	if life < time.Millisecond {
		return unavailable(what, errors.New("a value is kept for a millisecond at least"))
	}
	c := s.change(what, name, life.Milliseconds(), value)
	c.script = s.db.scripts.keptPut
	_, err := s.db.do(ctx, c)
	if goredis.IsOOMError(err) { // who is signed in stays so, and may make room
		c.script = s.db.scripts.keptReplace
		if answer, again := s.db.do(ctx, c); again != nil || answer.code == codeOK {
			return again
		}
	}
	return err
}

// Delete ends the value of name, if there is one. fault.ErrUnavailable.
func (s Kept) Delete(ctx context.Context, name string) error {
	c := s.change("delete a kept value", name)
	c.script = s.db.scripts.keptDelete
	_, err := s.db.do(ctx, c)
	return err
}

// Take is Get and Delete in one step: of several at once one gets the value.
// fault.ErrUnavailable; then nobody may get it any more.
func (s Kept) Take(ctx context.Context, name string) (value []byte, found bool, err error) {
	const what = "take a kept value"
	c := s.change(what, name, takenFor.Milliseconds())
	c.script = s.db.scripts.keptTake
	answer, err := s.db.do(ctx, c)
	if err != nil {
		return nil, false, err
	}
	return valueOf(what, answer)
}

// change is a call that changes the value of name, yet without its script.
func (s Kept) change(what, name string, args ...any) call {
	c := call{what: what, change: true, keys: []string{keptKey(name), ""}, args: append([]any{id.New(), "0"}, args...)}
	c.keys[1] = epochKey(c.shard())
	return c
}

// valueOf reads the answer to Get and Take.
func valueOf(what string, answer reply) (value []byte, found bool, err error) {
	if answer.code == codeNotFound {
		return nil, false, nil
	}
	if answer.code == codeOK && len(answer.rest) == 1 {
		if text, ok := answer.rest[0].(string); ok {
			return []byte(text), true, nil
		}
	}
	return nil, false, unavailable(what, errReply)
}
