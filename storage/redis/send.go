package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// confirmTimeout is how long replicas may take to confirm a change. The answer
	// comes within ioTimeout.
	confirmTimeout = 200 * time.Millisecond
	// diskTimeout is how long a change may take to lie on the disks: a file that is
	// synced each second is so within two.
	diskTimeout = 2 * time.Second
	// slotPause is the time between two tries while a slot is on its way to another
	// server of a cluster.
	slotPause = 10 * time.Millisecond
)

// errSettling says that a server is not served yet, see promotion.
var errSettling = errors.New("the primary was promoted a moment ago: what other processes sent to the one before is repeated first")

// insist sends a call until it is answered, or it is no use to send it again.
// left says, with an error, that it was sent.
func (db *DB) insist(ctx context.Context, c *call) (answer reply, left bool, err error) {
	for broken := false; ; {
		s, err := db.serving(ctx)
		if err != nil {
			return reply{}, left, err
		}
		answer, err := db.ask(ctx, s, c)
		left = left || mayHaveLeft(err)
		switch verdict := judge(err); {
		case err == nil:
			return answer, true, nil
		case ctx.Err() != nil, verdict == hopeless:
			return reply{}, left, err
		case verdict == notDone:
			if err := pause(ctx, slotPause); err != nil {
				return reply{}, left, err
			}
		case verdict == unknown:
			if broken || !c.repeatable() {
				return reply{}, left, err
			}
			broken = true
		}
	}
}

func pause(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ask sends a call once, to the primary that a session has for its shard.
func (db *DB) ask(ctx context.Context, s *session, c *call) (reply, error) {
	shard := c.shard()
	primary, err := db.primary(ctx, s, shard)
	if err != nil {
		return reply{}, err
	}
	if err := db.serves(ctx, s, primary.Options().Addr); err != nil {
		return reply{}, err
	}
	before := s.shards[shard].epoch.Load()
	answer, err := db.sendTo(ctx, s, primary, c)
	if err != nil {
		return reply{}, err
	}
	if answer.code != codeSkew && !s.saw(shard, before, answer.epoch) {
		return reply{}, errWentBack
	}
	return answer, nil
}

// serves fails while the server at an address rests.
func (db *DB) serves(ctx context.Context, s *session, addr string) error {
	if !s.promotions[addr].rests() {
		return nil
	}
	db.lookSoon(ctx, s)
	if cut := s.cut.Load(); cut != nil {
		return fmt.Errorf("%w (%v)", errSettling, *cut) //nolint:errorlint // it is not sent again for that
	}
	return errSettling
}

// primary finds the primary of a shard.
func (db *DB) primary(ctx context.Context, s *session, shard string) (*goredis.Client, error) {
	primary, err := s.primary(ctx, shard)
	if err != nil {
		s.mind(err)
		s.moved(ctx)
		return nil, fmt.Errorf("find the primary of a shard: %w", err)
	}
	return primary, nil
}

// send sends a call to the primary of a shard, whether that is served or not.
func (db *DB) send(ctx context.Context, s *session, shard string, c *call) (reply, error) {
	primary, err := db.primary(ctx, s, shard)
	if err != nil {
		return reply{}, err
	}
	return db.sendTo(ctx, s, primary, c)
}

func (db *DB) sendTo(ctx context.Context, s *session, primary *goredis.Client, c *call) (answer reply, err error) {
	switch {
	case c.joins != nil:
		answer, err = db.join(ctx, s.together(primary), primary, c)
	case c.change && (db.config.Replicas > 0 || db.config.Disk):
		answer, err = readReply(db.confirmed(ctx, primary, c))
	default:
		answer, err = readReply(c.script.Run(ctx, primary, c.keys, c.args...).Slice())
	}
	if err != nil && judge(err) != hopeless {
		s.moved(ctx)
	}
	s.mind(err)
	return answer, err
}

// errUnconfirmed says that a change may be lost with its primary.
var errUnconfirmed = errors.New("too few replicas confirmed the change")

// confirmed sends a change, and behind it on the same connection the question
// how many replicas have it. It speaks of what its own connection wrote last,
// and a change that was there already writes nothing: so the epoch is raised first.
func (db *DB) confirmed(ctx context.Context, primary *goredis.Client, c *call) ([]any, error) {
	whole := func(pipe goredis.Scripter) *goredis.Cmd { return c.script.Eval(ctx, pipe, c.keys, c.args...) }
	send := func(pipe goredis.Scripter) *goredis.Cmd { return c.script.EvalSha(ctx, pipe, c.keys, c.args...) }
	if db.config.Disk { // a script that is unknown would be waited for all the same
		primary, send = primary.WithTimeout(diskTimeout+db.config.within(ioTimeout)), whole
	}
	for range 2 {
		pipe := primary.Pipeline()
		raised := db.scripts.raise.Eval(ctx, pipe, []string{epochKey(c.shard())})
		change := send(pipe)
		evidence := db.askEvidence(ctx, pipe)
		_, _ = pipe.Exec(ctx) // each command has its own error
		if goredis.HasErrorPrefix(change.Err(), "NOSCRIPT") {
			send = whole
			continue
		}
		answer, err := change.Slice()
		if err != nil {
			return nil, err
		}
		if len(answer) > 0 && answer[0] != codeOK {
			return answer, nil // nothing was changed
		}
		if err := cmp.Or(raised.Err(), db.enough(evidence)); err != nil {
			db.unconfirmed.Add(1)
			return nil, fmt.Errorf("%w: %w", errUnconfirmed, err)
		}
		return answer, nil
	}
	return nil, errReply // it was loaded, and is unknown again
}

// askEvidence asks who has what the connection wrote last.
func (db *DB) askEvidence(ctx context.Context, pipe goredis.Pipeliner) *goredis.Cmd {
	if db.config.Disk {
		return pipe.Do(ctx, "waitaof", 1, db.config.Replicas, diskTimeout.Milliseconds())
	}
	return pipe.Do(ctx, "wait", db.config.Replicas, db.config.within(confirmTimeout).Milliseconds())
}

// enough reads the answer to askEvidence.
func (db *DB) enough(evidence *goredis.Cmd) error {
	var got int64
	if db.config.Disk {
		counts, err := evidence.Int64Slice()
		switch {
		case err != nil:
			return err
		case len(counts) != 2:
			return errReply
		case counts[0] < 1:
			return errors.New("it is not on the primary's disk yet")
		}
		got = counts[1]
	} else {
		var err error
		if got, err = evidence.Int64(); err != nil {
			return err
		}
	}
	if want := int64(db.config.Replicas); got < want {
		return fmt.Errorf("%d of %d", got, want)
	}
	return nil
}

// verdict says what an error tells of a call.
type verdict int

const (
	hopeless verdict = iota // to send it again would be of no use
	notDone                 // it was not carried out, and may be in a moment
	unknown                 // the connection broke: it was carried out, or not
)

// judge tells whether a call that failed may be sent again.
func judge(err error) verdict {
	switch {
	case err == nil || errors.Is(err, errUnconfirmed):
		return hopeless
	case errors.Is(err, errStranger), errors.Is(err, errReplica), goredis.IsReadOnlyError(err), goredis.IsTryAgainError(err):
		return notDone
	case errors.Is(err, errWentBack), errors.Is(err, goredis.ErrClosed), dead(err):
		return unknown
	}
	if _, moved := goredis.IsMovedError(err); moved {
		return notDone
	}
	if _, ask := goredis.IsAskError(err); ask {
		return notDone
	}
	// A key that a script names by itself is on its way to another server. Scripts
	// look at all such keys before they write.
	if refusal, ok := errors.AsType[goredis.Error](err); ok && strings.Contains(refusal.Error(), "non local key") {
		return notDone
	}
	return hopeless
}

// mayHaveLeft reports whether a call that failed was sent: not if there was no
// connection for it. What a server refused was sent too: it may be the wrong one,
// as a primary is that is cut off from its replicas.
func mayHaveLeft(err error) bool {
	for _, none := range []error{errStranger, errReplica, errSettling, errQueued, goredis.ErrPoolTimeout} {
		if errors.Is(err, none) {
			return false
		}
	}
	if network, ok := errors.AsType[*net.OpError](err); ok && network.Op == "dial" {
		return false
	}
	return err != nil
}

// dead reports whether the connection broke, other than by a time-out.
func dead(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	network, ok := errors.AsType[*net.OpError](err)
	return ok && !network.Timeout()
}

// repeatable prepares the call to be repeated, if it can be.
func (c *call) repeatable() bool {
	if c.change {
		if name, ok := c.args[0].(string); !ok || name == "" {
			return false
		}
		c.args[repeatedAt] = "1"
	}
	return true
}
