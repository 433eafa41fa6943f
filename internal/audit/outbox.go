package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/id"
)

const (
	shipEvery = time.Second
	shipBatch = 512
	// finishWithin bounds what a process that ends does for its events.
	finishWithin = 3 * time.Second
	// keepUnreadable is how much of an unreadable event is kept, in bytes.
	keepUnreadable = 64 << 10
)

// Stored is an event that a store committed together with a change of state.
type Stored struct {
	Position string // the store's own name for its place
	Event    []byte // JSON as committed
}

// Outbox is the port of a store that holds such events until they are shipped.
// A store of several processes lets one at a time see them; it may pass to
// another when what was pending is not discarded for a while.
type Outbox interface {
	// Pending returns the oldest events that are not discarded, at most limit,
	// in the order in which they were committed.
	Pending(ctx context.Context, limit int) ([]Stored, error)
	// Discard forgets events that are on disk elsewhere. Discarding one twice is
	// no error.
	Discard(ctx context.Context, shipped []Stored) error
}

// Shipper moves events from an Outbox to a Sink.
//
// An event is discarded after the sink's fsync, so it is shipped at least once.
// A crash in between does not ship it twice as long as its line is among the
// last ones of the folder when the next process opens it there; another folder,
// or a second Shipper at the same time, may get it again under the same id.
type Shipper struct {
	outbox Outbox
	sink   *Sink
	log    *zap.Logger
	failed bool // the last step failed, and the log has said so

	mu    sync.Mutex
	state ShipperState
}

// NewShipper returns the one Shipper of sink. A nil log is silent.
func NewShipper(outbox Outbox, sink *Sink, log *zap.Logger) *Shipper {
	if log == nil {
		log = zap.NewNop()
	}
	return &Shipper{outbox: outbox, sink: sink, log: log}
}

// Run ships until ctx ends: what is there, at once, and so on while events keep
// coming; then it looks each second. A store or a sink that fails is tried again; the events stay in the
// store meanwhile. It returns nil. The sink must run.
func (s *Shipper) Run(ctx context.Context) error {
	tick := time.NewTicker(shipEvery)
	defer tick.Stop()
	for {
		for more := true; more && ctx.Err() == nil; {
			n, err := s.step(ctx)
			more = n > 0
			if ctx.Err() == nil {
				s.report(err)
			}
		}
		select {
		case <-ctx.Done():
			s.finish(ctx)
			return nil
		case <-tick.C:
		}
	}
}

// finish ships what is left when the process ends: nobody else may ever look at this
// store again.
func (s *Shipper) finish(ended context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ended), finishWithin)
	defer cancel()
	for {
		n, err := s.step(ctx)
		if err != nil || n == 0 {
			s.report(err)
			return
		}
	}
}

// report logs the first failure of a row, and its end.
func (s *Shipper) report(err error) {
	switch {
	case err != nil && !s.failed:
		s.log.Error("audit events cannot be shipped", zap.Error(err))
	case err == nil && s.failed:
		s.log.Info("audit events are shipped again")
	}
	s.failed = err != nil
	s.note(func(state *ShipperState) { state.Failing = err != nil })
}

// step ships one batch and returns how many events were discarded.
func (s *Shipper) step(ctx context.Context) (int, error) {
	batch, err := s.outbox.Pending(ctx, shipBatch)
	if err != nil {
		return 0, fmt.Errorf("read outbox: %w", err)
	}
	s.saw(batch)
	var full error
	for i, stored := range batch {
		if full = s.append(stored); full != nil {
			batch = batch[:i]
			break
		}
	}
	if len(batch) == 0 {
		return 0, full
	}
	if err := s.onDisk(ctx, len(batch) == shipBatch); err != nil {
		return 0, fmt.Errorf("wait for the audit sink: %w", err)
	}
	if err := s.outbox.Discard(ctx, batch); err != nil {
		return 0, fmt.Errorf("discard shipped events: %w", err)
	}
	s.discarded(len(batch))
	return len(batch), nil // that the sink took no more is no failure while it takes some
}

// onDisk waits until what the sink was given is on disk. While more waits than
// one batch it hurries, an fsync for each; else the sink's own, one each
// SyncEvery, are soon enough.
func (s *Shipper) onDisk(ctx context.Context, hurry bool) error {
	if hurry {
		return s.sink.Flush(ctx)
	}
	accepted, _, _ := s.sink.queue.state()
	return s.sink.queue.wait(ctx, accepted)
}

// append gives one event to the sink, unless the sink has it.
func (s *Shipper) append(stored Stored) error {
	event, name, err := readStored(stored.Event)
	if err != nil {
		s.log.Error("audit event in the store is unreadable", zap.String("position", stored.Position), zap.Error(err))
		substitute := unreadable(stored.Event, err, s.sink.cfg.Now())
		event, name = substitute.appendJSON(nil), substitute.ID
	}
	if _, known := s.sink.shipped.find(name); known {
		return nil
	}
	if err := s.sink.queue.put(event); err != nil {
		return err
	}
	s.sink.shipped.add(name, "")
	return nil
}

// timeOf returns when a stored event happened; zero if it cannot be read.
func timeOf(raw []byte) time.Time {
	var event struct {
		Time time.Time `json:"time"`
	}
	if err := json.Unmarshal(raw, &event); err != nil {
		return time.Time{}
	}
	return event.Time
}

// readStored checks that raw can become a line: one JSON object with an id and
// without the members that the chain adds. It returns it on one line.
func readStored(raw []byte) (event []byte, name string, err error) {
	if len(raw) > maxEvent {
		return nil, "", ErrTooLong
	}
	if !utf8.Valid(raw) {
		return nil, "", errors.New("not UTF-8")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, "", fmt.Errorf("not a JSON object: %w", err)
	}
	for _, reserved := range []string{"seq", "writer", "prev"} {
		if _, present := members[reserved]; present {
			return nil, "", fmt.Errorf("it has a member %s", reserved)
		}
	}
	if err := json.Unmarshal(members["id"], &name); err != nil || !id.Valid(name) {
		return nil, "", errors.New("it has no id")
	}
	var line bytes.Buffer
	if err := json.Compact(&line, raw); err != nil {
		return nil, "", err
	}
	return line.Bytes(), name, nil
}

// unreadable is the event that stands in for raw, so that a damaged one neither
// disappears nor holds up all that come after it. Its id follows from raw, so
// that it too is shipped once.
func unreadable(raw []byte, cause error, now time.Time) Event {
	sum := sha256.Sum256(raw)
	kept := base64.StdEncoding.EncodeToString(raw[:min(len(raw), keepUnreadable)])
	return Event{
		ID: hex.EncodeToString(sum[:id.Len/2]), Time: now, Name: EventUnreadable, Outcome: Failure,
		Reason: fmt.Sprintf("%s; %d bytes, in base64: %s", cause, len(raw), kept),
	}
}
