package redis

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/cambio-sts/cambio/internal/id"
)

// Requests counts the requests of tokens, for all processes together. Its keys
// expire: they are no records.
type Requests struct {
	db     *DB
	most   int
	length time.Duration
}

// Requests returns a counter that lets most requests of a token through, at each
// mount, in a length of time that begins with the first of them.
func (db *DB) Requests(most int, length time.Duration) *Requests { return &Requests{db, most, length} }

// Allow counts one request of a token at a mount and returns after how long the
// next would be within the limit, 0 if this one is. fault.ErrUnavailable.
func (r *Requests) Allow(ctx context.Context, token, mount string) (retryAfter time.Duration, err error) {
	if !id.Valid(token) {
		return 0, unavailable("count a request", errors.New("the id of its token is malformed"))
	}
	shard := id.Shard(token)
	answer, err := r.db.do(ctx, call{
		what: "count a request", script: r.db.scripts.request,
		keys: []string{key(shard, "requests:"+token+":"+mount), epochKey(shard)},
		args: []any{r.most, strconv.FormatInt(r.length.Milliseconds(), 10)},
	})
	if err != nil {
		return 0, err
	}
	wait, ok := answer.number(0)
	if !ok {
		return 0, unavailable("count a request", errReply)
	}
	return time.Duration(wait) * time.Millisecond, nil
}
