package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/id"
)

const (
	defaultRetention    = 90 * 24 * time.Hour
	defaultMaxFileBytes = 64 << 20
	defaultMaxFileAge   = 24 * time.Hour
	defaultQueue        = 100_000
	defaultSyncEvery    = time.Second

	// linger gathers the events of a moment into one write.
	linger = 10 * time.Millisecond
	// firstRetry and lastRetry bound the pause after a failed write.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
	// drainTime is how long the end of Run goes on trying.
	drainTime = 10 * time.Second
	// sweepEvery is the pause between two looks for files past retention.
	sweepEvery = time.Hour
)

// What Record and Ready answer.
var (
	// ErrFull says that too many events wait for the disk. Whoever caused the
	// event must be refused; the next one may be taken again.
	ErrFull = errors.New("the audit queue is full")
	// ErrClosed says that the sink has ended.
	ErrClosed = errors.New("the audit sink is closed")
	// ErrTooLong says that an event has more than 1 MiB of JSON.
	ErrTooLong = errors.New("the audit event is too long")
	// ErrNotRunning says that Run has not begun.
	ErrNotRunning = errors.New("the audit sink is not running")
)

// Config is what a Sink needs. A zero member takes the default.
type Config struct {
	Dir          string           // made with mode 0700 when absent; required
	Retention    time.Duration    // 90 days; no shorter than MaxFileAge
	MaxFileBytes int64            // 64 MiB; a file is closed when it has so many
	MaxFileAge   time.Duration    // a day
	Queue        int              // 100 000 events that are not on disk yet
	SyncEvery    time.Duration    // 1 s; what a crash of the machine can lose
	Now          func() time.Time // required
	Logger       *zap.Logger      // none
}

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" || c.Now == nil {
		return c, errors.New("audit sink: Dir and Now are required")
	}
	if c.Retention < 0 || c.MaxFileBytes < 0 || c.MaxFileAge < 0 || c.Queue < 0 || c.SyncEvery < 0 {
		return c, errors.New("audit sink: a limit is negative")
	}
	orDefault(&c.Retention, defaultRetention)
	orDefault(&c.MaxFileBytes, defaultMaxFileBytes)
	orDefault(&c.MaxFileAge, defaultMaxFileAge)
	orDefault(&c.Queue, defaultQueue)
	orDefault(&c.SyncEvery, defaultSyncEvery)
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.Retention < c.MaxFileAge {
		return c, fmt.Errorf("audit sink: the retention %s is shorter than the age of a file, %s", c.Retention, c.MaxFileAge)
	}
	return c, nil
}

func orDefault[T int | int64 | time.Duration](v *T, otherwise T) {
	if *v == 0 {
		*v = otherwise
	}
}

// Sink is one writer of hash-chained lines. Record, Flush and Ready are safe
// for concurrent use; only the goroutine of Run touches the files.
type Sink struct {
	cfg     Config
	queue   *queue
	journal *journal
	shipped *recent       // ids of events that came through an Outbox
	hurry   chan struct{} // holds one token when somebody waits for the disk
	running atomic.Bool
	started chan struct{} // closed by Run

	// Of Run alone.
	taken   []byte // events out of the queue
	chained int    // bytes of taken that are chained
	ended   bool   // the last line is chained
	swept   time.Time
}

// OpenSink makes a writer with a new id and proves that its folder can be
// written. It looks through the ends of the newest files for events that an
// earlier process shipped. The caller must call Run.
func OpenSink(cfg Config) (*Sink, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make audit folder: %w", err)
	}
	dir := folder(cfg.Dir)
	shipped, err := dir.recall()
	if err != nil {
		return nil, fmt.Errorf("read audit folder: %w", err)
	}
	journal, err := openJournal(dir, id.New(), cfg)
	if err != nil {
		return nil, fmt.Errorf("write audit folder: %w", err)
	}
	return &Sink{
		cfg: cfg, queue: newQueue(cfg.Queue), journal: journal, shipped: shipped, hurry: make(chan struct{}, 1), started: make(chan struct{}),
	}, nil
}

// Record takes e for the disk and does not wait for it. It gives e an ID and a
// Time where they are absent. Its errors are ErrFull, ErrTooLong and ErrClosed,
// and then e is not recorded: what it tells of must not happen.
func (s *Sink) Record(e Event) error {
	if e.ID == "" {
		e.ID = id.New()
	}
	if e.Time.IsZero() {
		e.Time = s.cfg.Now()
	}
	var room [1024]byte // an exchange takes some 640
	return s.queue.put(e.appendJSON(room[:0]))
}

// Ready returns nil while events reach the disk, else why they do not:
// ErrNotRunning, ErrClosed, or what the last attempt to write ran into.
func (s *Sink) Ready() error {
	_, _, failure := s.queue.state()
	return failure
}

// Started is closed once Run has begun and Ready tells of the disk.
func (s *Sink) Started() <-chan struct{} { return s.started }

// Flush blocks until every event recorded before it is on disk. It returns
// ErrClosed when one never will be.
func (s *Sink) Flush(ctx context.Context) error {
	accepted, _, _ := s.queue.state()
	select {
	case s.hurry <- struct{}{}:
	default:
	}
	return s.queue.wait(ctx, accepted)
}

// Run writes until ctx ends, at most one fsync each SyncEvery unless the queue
// is half full of lines that wait for it. Then it refuses further events, puts
// all it has on disk and ends the chain; cancel ctx after whoever records has
// stopped. It returns nil, or after ten seconds of failing what it failed at,
// with the number of events that are lost. It may be called once.
func (s *Sink) Run(ctx context.Context) error {
	if !s.running.CompareAndSwap(false, true) {
		return errors.New("audit sink: Run was called before")
	}
	s.queue.report(nil)
	close(s.started)
	tick := time.NewTicker(s.cfg.SyncEvery)
	defer tick.Stop()
	gather := time.NewTimer(0)
	defer gather.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return s.finish(ctx)
		case <-s.queue.wake:
			gather.Reset(min(linger, s.cfg.SyncEvery))
		case <-gather.C:
			err = s.pump()
		case <-s.hurry:
			err = s.commit()
		case <-tick.C:
			if err = s.commit(); err == nil {
				s.sweepWhenDue()
			}
		}
		if err != nil {
			// When ctx ends, finish tries on and reports what is left.
			_ = s.retry(ctx, err, s.commit)
		}
	}
}

// pump chains what waits and gives it to the system.
func (s *Sink) pump() error {
	for {
		for s.chained < len(s.taken) {
			if s.journal.full() || s.journal.events > s.queue.limit/2 {
				if err := s.settle(); err != nil {
					return err
				}
			}
			s.next()
		}
		s.taken, s.chained = s.queue.take(s.taken), 0
		if len(s.taken) == 0 {
			return s.journal.write(s.cfg.Now())
		}
	}
}

// next chains one event.
func (s *Sink) next() {
	event, _, _ := bytes.Cut(s.taken[s.chained:], []byte("\n"))
	s.journal.add(event)
	s.journal.events++
	s.journal.bytes += uint64(len(event) + 1)
	s.chained += len(event) + 1
}

// commit puts on disk what waits.
func (s *Sink) commit() error {
	if err := s.pump(); err != nil {
		return err
	}
	return s.settle()
}

// settle puts on disk what is chained, and makes its room free.
func (s *Sink) settle() error {
	events, bytes := s.journal.events, s.journal.bytes
	err := s.journal.sync(s.cfg.Now())
	s.queue.settle(events-s.journal.events, bytes-s.journal.bytes)
	return err
}

// retry repeats do after err, with growing pauses, until it succeeds or ctx
// ends; it returns the last error then. The events wait meanwhile.
func (s *Sink) retry(ctx context.Context, err error, do func() error) error {
	s.cfg.Logger.Error("audit sink cannot write", zap.Error(err))
	for pause := firstRetry; err != nil; pause = min(2*pause, lastRetry) {
		s.queue.report(err)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
			err = do()
		}
	}
	s.queue.report(nil)
	s.cfg.Logger.Info("audit sink writes again")
	return nil
}

// finish is the end of Run.
func (s *Sink) finish(ctx context.Context) error {
	s.queue.close()
	defer s.queue.report(ErrClosed)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := s.end(); err != nil {
		if err := s.retry(ctx, err, s.end); err != nil {
			accepted, durable, _ := s.queue.state()
			return fmt.Errorf("end audit trail, %d events lost: %w", accepted-durable, err)
		}
	}
	return nil
}

// end puts on disk what is left and chains the last line. A writer that wrote
// nothing leaves nothing.
func (s *Sink) end() error {
	if err := s.commit(); err != nil {
		return err
	}
	if s.journal.tail.seq == 0 {
		return os.Remove(s.journal.dir.path(headName(s.journal.writer)))
	}
	if !s.ended {
		last := Event{ID: id.New(), Time: s.cfg.Now(), Name: WriterEnded, Outcome: Success}
		s.journal.add(last.appendJSON(nil))
		s.ended = true
	}
	if err := s.settle(); err != nil {
		return err
	}
	return s.journal.close()
}
