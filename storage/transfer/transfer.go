package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Readable is a store as something to carry from.
type Readable interface {
	// Items yields all that is kept after a place, in one order; the empty place is
	// before all. What others change meanwhile may be seen in either form.
	Items(ctx context.Context, after string) iter.Seq2[Batch, error]
	// Count is about how many items there are.
	Count(ctx context.Context) (int, error)
}

// Store is a store as something to carry to, too.
type Store interface {
	Readable
	// State tells whether it may be carried to.
	State(ctx context.Context) (State, error)
	// Begin stores a mark, of whatever run.
	Begin(ctx context.Context, mark Mark) error
	// Import stores items as they are, over what is there, and after them the mark.
	// Doing so again changes nothing. ErrTaken if the mark that is there is of another
	// run.
	Import(ctx context.Context, items []Item, mark Mark) error
	// Settle returns when all that was imported is as lasting as any change.
	Settle(ctx context.Context) error
	// Finish takes the mark away: the store may be served.
	Finish(ctx context.Context) error
}

// State is how full a store is.
type State struct {
	Empty bool  // nothing was ever stored
	Mark  *Mark // of an import that is not finished; nil: there is none
}

// Batch is some items, and the place behind them. A place that is the one of the
// batch before says that it can be gone back to only there.
type Batch struct {
	Items []Item
	Place string
}

// Item is one thing that a store keeps: exactly one member is set.
type Item struct {
	Organization *directory.Organization `json:",omitempty"`
	Group        *directory.Group        `json:",omitempty"`
	Assignment   *directory.Assignment   `json:",omitempty"`
	Identity     *directory.Identity     `json:",omitempty"`
	Token        *pat.Record             `json:",omitempty"`
	JTI          *JTI                    `json:",omitempty"`
	Ring         *keys.Stored            `json:",omitempty"`
	Event        *Event                  `json:",omitempty"`
}

// JTI is a JWT that was revoked by itself.
type JTI struct {
	Token  pat.ID
	ID     string
	Expiry time.Time
}

// Event is an audit event that awaits shipping.
type Event struct {
	// Number orders the events of a store, from 1; it names an event there and is no
	// part of what is compared.
	Number uint64 `json:"-"`
	JSON   string // as it was committed
}

// Mark is what a target knows of its import.
type Mark struct {
	Source   string // a name of the store that its items come from, and of its state
	Run      string // names the one process that imports
	Place    string // of the last batch
	Sum      Sum    // of all up to there
	Verified bool   // all of it is there
}

// Encode returns the mark as text.
func (m Mark) Encode() string {
	text, _ := json.Marshal(m) // it holds texts and numbers
	return string(text)
}

// DecodeMark reads what Encode wrote.
func DecodeMark(text string) (Mark, error) {
	var m Mark
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return Mark{}, fmt.Errorf("mark of an import: %w", err)
	}
	return m, nil
}

// ErrNotEmpty says that the target has things of its own.
var ErrNotEmpty = errors.New("the target is not empty")

// ErrTaken says that another process imports into the target.
var ErrTaken = errors.New("another restore or migration into it began meanwhile")

// OtherSourceError says that the target is half filled from somewhere else.
type OtherSourceError struct{ Source string }

// Error names that source.
func (e *OtherSourceError) Error() string {
	return "the target is half filled from " + e.Source
}

// MismatchError says that the target does not hold what was read.
type MismatchError struct{ Read, Stored Sum }

// Error names both.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("the target does not hold what was read: %v were read, it holds %v", e.Read, e.Stored)
}

// Source is where items come from.
type Source struct {
	Readable

	Name string // for people
	// Sum is what the store holds, if nobody writes to it; then a copy holds that or
	// fails, and one of another state does not go on with it.
	Sum *Sum
}

func (s *Source) state() string {
	if s.Sum == nil {
		return s.Name
	}
	return fmt.Sprintf("%s with %d items of digest %x", s.Name, s.Sum.Items, s.Sum.Digest[:])
}

// Copy brings all of from into to, or what is left of it, and verifies it. progress
// is told of each batch how many items it had, with those of an earlier run first. The
// mark stays, for Finish.
func Copy(ctx context.Context, from *Source, to Store, progress func(items int)) error {
	mark, err := begin(ctx, to, from.state())
	if err != nil || mark.Verified {
		return err
	}
	progress(mark.Sum.Items)
	sum := mark.Sum
	for batch, err := range from.Items(ctx, mark.Place) {
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		for i := range batch.Items {
			sum = sum.with(&batch.Items[i])
		}
		if batch.Place != mark.Place {
			mark.Place, mark.Sum = batch.Place, sum
		}
		if err := to.Import(ctx, batch.Items, mark); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		progress(len(batch.Items))
	}
	if err := to.Settle(ctx); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if from.Sum != nil && sum != *from.Sum {
		return &MismatchError{*from.Sum, sum}
	}
	return verify(ctx, to, mark, sum)
}

// begin returns the mark to go on from.
func begin(ctx context.Context, to Store, source string) (Mark, error) {
	state, err := to.State(ctx)
	mark := Mark{Source: source}
	switch {
	case err != nil:
		return Mark{}, fmt.Errorf("look at the target: %w", err)
	case state.Mark != nil && state.Mark.Source != source:
		return Mark{}, &OtherSourceError{state.Mark.Source}
	case state.Mark != nil:
		mark = *state.Mark
	case !state.Empty:
		return Mark{}, ErrNotEmpty
	}
	mark.Run = id.New()
	if err := to.Begin(ctx, mark); err != nil {
		return Mark{}, fmt.Errorf("write: %w", err)
	}
	return mark, nil
}

func verify(ctx context.Context, to Store, mark Mark, read Sum) error {
	stored, err := SumOf(ctx, to)
	if err != nil {
		return fmt.Errorf("read the target: %w", err)
	}
	if stored != read {
		return &MismatchError{read, stored}
	}
	mark.Sum, mark.Verified = read, true
	if err := to.Import(ctx, nil, mark); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// Parsed returns the event itself; an error if what was kept is none.
func (e *Event) Parsed() (audit.Event, error) {
	var event audit.Event
	if err := json.Unmarshal([]byte(e.JSON), &event); err != nil {
		return audit.Event{}, fmt.Errorf("audit event: %w", err)
	}
	return event, nil
}
