package redis

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// groupSize is the most that one group has.
const groupSize = 64

// groupsUnderWay is how many groups of one server are sent at once: fewer make larger
// groups, which are cheaper where processors are few, and more wait less for one another.
// At least two: one that runs into a time-out is not in the way of all.
func groupsUnderWay() int { return max(2, runtime.GOMAXPROCS(0)/2) }

// fewBehind is how many that were answered may still wait for a processor when another
// group is sent. With more, those of that group would only wait for processors, too, and be
// done before others that asked earlier.
func fewBehind() int { return 8 * runtime.GOMAXPROCS(0) }

var (
	// errQueued says that a command was not sent: those before it took too long.
	errQueued = errors.New("redis or this process is too slow: what was asked before is not answered yet")
	// errLost says that whoever sent a command for others did not come back with answers.
	errLost = errors.New("it was sent with others, and given up")
)

// together sends commands to one server that come at the same moment in one piece, as a
// system call and a turn of the server cost more than what is asked. Nobody waits
// for a group to grow: one is sent while few are under way, as soon as those that can run
// had a turn, and else when one of those is back and few are behind, which are answered but
// have not gone on, by whoever has waited longest, with all who wait after it.
//
//	run ──▶ few under way? ──────────▶ lead ──▶ send the group ──▶ call the next
//	    └─▶ wait ──▶ called to lead ───┘
//	             └─▶ answered by another's group
//
// It refuses to repeat anything, and to carry changes: those wait for replicas or disks,
// and others would wait with them.
type together struct {
	most     int // groups under way
	few      int // commands that may be behind when a group is sent
	mu       sync.Mutex
	waiting  []*seat
	underWay int
	back     int       // of these, groups that are answered, while too many have not gone on
	behind   int       // commands that are answered, and have not gone on
	seats    sync.Pool // of those that are free again
}

// seat is a command that waits.
type seat struct {
	cmd   goredis.Cmder
	since time.Time
	told  chan news
}

// news is what a command that waits is told.
type news int

const (
	answered news = iota // by another's group
	leads                // it is to be sent, with all that wait behind it
	late                 // it waited too long, and is not sent
	lost                 // by nobody, and it may have been sent
)

// run sends cmd, and returns what came of it. A group goes on when ctx ends, for it is
// others', too; it ends by itself.
func (t *together) run(ctx context.Context, client *goredis.Client, cmd goredis.Cmder, now func() time.Time) error {
	t.mu.Lock()
	if t.underWay < t.most && t.behind <= t.few { // who is behind calls the next
		t.underWay++
		t.mu.Unlock()
		t.lead(ctx, client, cmd, now)
		return cmd.Err()
	}
	mine, ok := t.seats.Get().(*seat)
	if !ok {
		mine = &seat{told: make(chan news, 1)}
	}
	mine.cmd, mine.since = cmd, now()
	t.waiting = append(t.waiting, mine)
	t.mu.Unlock()
	told := <-mine.told
	mine.cmd = nil
	t.seats.Put(mine)
	switch told {
	case late:
		return errQueued
	case lost:
		t.settle(0, -1, now)
		return errLost
	case leads:
		t.lead(ctx, client, cmd, now)
	case answered:
		t.settle(0, -1, now)
	}
	return cmd.Err()
}

// lead sends a group, of which the first is the caller's. That its request ends does not
// end those of the others; within ioTimeout it is answered, or each of it failed. One that
// is alone ends with its request, or when its connection gives up.
func (t *together) lead(ctx context.Context, client *goredis.Client, first goredis.Cmder, now func() time.Time) {
	group, told := t.gather(), lost
	defer func() { // whatever happens: others wait for it
		for _, one := range group {
			one.told <- told
		}
	}()
	defer func() { t.settle(1, len(group), now) }() // at first, as the server has less to do now
	if len(group) == 0 {
		_ = client.Process(ctx, first) // it has its own error
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ioTimeout)
	defer cancel()
	pipe := client.Pipeline()
	_ = pipe.Process(ctx, first) // it is queued
	for _, one := range group {
		_ = pipe.Process(ctx, one.cmd)
	}
	cmds, err := pipe.Exec(ctx)
	// Each has its own error, unless there was no connection to be had.
	if failed := func(cmd goredis.Cmder) bool { return cmd.Err() != nil }; err != nil && !slices.ContainsFunc(cmds, failed) {
		for _, cmd := range cmds {
			cmd.SetErr(err)
		}
	}
	told = answered
}

// gather takes those that go along with the first of a group. Where there is room, others
// that can run have a turn before: they may be about to ask, too. With nobody else about
// that takes well below a microsecond.
func (t *together) gather() []*seat {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) < groupSize-1 {
		t.mu.Unlock()
		runtime.Gosched()
		t.mu.Lock()
	}
	n := min(groupSize-1, len(t.waiting))
	group := slices.Clone(t.waiting[:n])
	t.waiting = slices.Delete(t.waiting, 0, n)
	return group
}

// settle notes that so many groups more are back, and so many commands more are behind, and
// has others follow.
func (t *together) settle(back, behind int, now func() time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.back += back
	t.behind += behind
	for ; t.back > 0 && t.behind <= t.few; t.back-- {
		t.next(now)
	}
}

// next calls whoever has waited longest, in place of a group that is back, and sends those
// away who have waited for as long as an answer may take. The lock is held.
func (t *together) next(now func() time.Time) {
	gone, oldest := 0, now().Add(-ioTimeout)
	for gone < len(t.waiting) && t.waiting[gone].since.Before(oldest) {
		t.waiting[gone].told <- late
		gone++
	}
	if gone == len(t.waiting) {
		t.underWay--
	} else {
		t.waiting[gone].told <- leads
		gone++
	}
	t.waiting = slices.Delete(t.waiting, 0, gone)
}

// together returns what sends to one of the session's servers.
func (s *session) together(primary *goredis.Client) *together {
	known, ok := s.groups.Load(primary)
	if !ok {
		known, _ = s.groups.LoadOrStore(primary, &together{most: groupsUnderWay(), few: fewBehind()})
	}
	group, _ := known.(*together) // it holds nothing else
	return group
}

// quick sends a call that joins others once, without a timer of its own: to wait for a
// group, a connection or an answer ends by itself. It reports false if the call is to be
// sent again.
func (db *DB) quick(ctx context.Context, c *call) (reply, bool, error) {
	s := db.session.Load()
	select {
	case <-s.ready:
	default:
		return reply{}, false, nil
	}
	if s.spoiled.Load() {
		return reply{}, false, nil
	}
	answer, err := db.ask(ctx, s, c)
	switch {
	case err == nil:
		answer, err = c.judged(answer)
		return answer, true, err
	case ctx.Err() != nil, judge(err) == hopeless:
		return reply{}, true, unavailable(c.what, err)
	default:
		return reply{}, false, nil
	}
}

// join sends a call together with others.
func (db *DB) join(ctx context.Context, t *together, primary *goredis.Client, c *call) (reply, error) {
	c.args[0], c.args[1] = "evalsha", c.joins.digest
	cmd := goredis.NewStringCmd(ctx, c.args...)
	err := t.run(ctx, primary, cmd, db.now)
	if err != nil && goredis.HasErrorPrefix(err, "NOSCRIPT") {
		c.args[0], c.args[1] = "eval", c.joins.source
		cmd = goredis.NewStringCmd(ctx, c.args...)
		err = primary.Process(ctx, cmd)
	}
	if err != nil {
		return reply{}, err
	}
	answer := reply{packed: packed{rest: cmd.Val()}}
	if answer.packed.list() < 2 {
		return reply{}, errReply
	}
	answer.code, answer.epoch = answer.packed.text(), answer.packed.number()
	return answer, answer.packed.err
}

// commandHead is how many arguments of a command stand before its keys.
const commandHead = 3

// commandOf appends a call of a script: first places for how it is called and for the
// script. Texts are passed by where they are, without a copy of each.
func commandOf(out []any, keys, texts []string) []any {
	out = append(out, nil, nil, len(keys))
	for i := range keys {
		out = append(out, &keys[i])
	}
	for i := range texts {
		out = append(out, &texts[i])
	}
	return out
}
