package redis

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/throttle"
)

// Requests counts the requests of tokens, for all processes together. Its keys
// expire: they are no records.
type Requests struct {
	db     *DB
	window throttle.Window
}

// Requests returns a counter that lets most requests of a token through, at each
// mount, in a length of time that begins with the first of them.
func (db *DB) Requests(most int, length time.Duration) *Requests {
	return &Requests{db, throttle.Window{Most: most, Length: length}}
}

// Policy returns what every token may have at each mount.
func (r *Requests) Policy() throttle.Window { return r.window }

// Allow counts one request of a token at a mount, in one round trip, and returns
// what is left of its window. fault.ErrUnavailable.
func (r *Requests) Allow(ctx context.Context, token, mount string) (throttle.Quota, error) {
	const what = "count a request"
	if !id.Valid(token) {
		return throttle.Quota{}, unavailable(what, errors.New("the id of its token is malformed"))
	}
	shard := id.Shard(token)
	answer, err := r.db.do(ctx, call{
		what: what, script: r.db.scripts.request,
		keys: []string{key(shard, "requests:"+token+":"+mount), epochKey(shard)},
		args: []any{strconv.FormatInt(r.window.Length.Milliseconds(), 10)},
	})
	if err != nil {
		return throttle.Quota{}, err
	}
	count, counted := answer.number(0)
	left, timed := answer.number(1)
	if !counted || !timed {
		return throttle.Quota{}, unavailable(what, errReply)
	}
	quota := throttle.Quota{Remaining: max(0, r.window.Most-int(count)), Reset: time.Duration(left) * time.Millisecond}
	if count > int64(r.window.Most) {
		quota.RetryAfter = quota.Reset
	}
	return quota, nil
}
