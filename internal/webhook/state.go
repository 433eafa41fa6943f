package webhook

import (
	"sync"
	"time"
)

// State is how the sending to one receiver does.
type State struct {
	Receiver     string    // its name
	FailingSince time.Time // zero: it takes events
	Delivered    uint64    // events since the start
	Failed       uint64    // attempts
	GivenUp      uint64    // events that were tried long enough
}

// States tells how the sending to each receiver does, in their order. It does not block.
func (s *Sender) States() []State {
	states := make([]State, len(s.followers))
	for i, f := range s.followers {
		states[i] = f.figures.read()
		states[i].Receiver = f.Name
	}
	return states
}

// figures are what State tells, of a follower that runs.
type figures struct {
	mu    sync.Mutex
	state State
}

func (f *figures) read() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

func (f *figures) note(change func(state *State)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.state)
}
