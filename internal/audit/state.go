package audit

import "time"

// SinkState is how a Sink does.
type SinkState struct {
	Accepted uint64 // events taken since it was opened
	Waiting  uint64 // those of them that are not on disk yet
	Refused  uint64 // events not taken; what they tell of did not happen
	Failures uint64 // attempts to write that failed
	Ready    bool   // events reach the disk
}

// State tells how the sink does. It does not block.
func (s *Sink) State() SinkState {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	q := s.queue
	return SinkState{
		Accepted: q.accepted, Waiting: q.accepted - q.durable, Refused: q.refused, Failures: q.failures, Ready: q.failure == nil,
	}
}

// ShipperState is how a Shipper does.
type ShipperState struct {
	Backlog int       // events that waited at the last look, at most a batch
	Oldest  time.Time // when the oldest of them happened; zero: there was none
	Shipped int       // events since the start
	Failing bool      // the last look failed
}

// State tells how the shipper does. It does not block.
func (s *Shipper) State() ShipperState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// note changes what State tells.
func (s *Shipper) note(change func(state *ShipperState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
}

// saw notes what a look at the outbox found.
func (s *Shipper) saw(batch []Stored) {
	oldest := time.Time{}
	if len(batch) > 0 {
		oldest = timeOf(batch[0].Event)
	}
	s.note(func(state *ShipperState) { state.Backlog, state.Oldest = len(batch), oldest })
}

// discarded notes that events are no longer in the outbox.
func (s *Shipper) discarded(events int) {
	s.note(func(state *ShipperState) {
		state.Shipped += events
		if state.Backlog -= events; state.Backlog <= 0 {
			state.Backlog, state.Oldest = 0, time.Time{}
		}
	})
}
