package redis

// Health is how the store does, as this process sees it.
type Health struct {
	Serving     bool   // the session serves: no server has changed since it began
	Sessions    uint64 // begun since the store was opened
	Writable    bool   // every primary took the last heartbeat
	Unconfirmed uint64 // changes that too few replicas, or no disk, confirmed
	Replicas    int    // that must confirm a change
	Remembered  int    // changes that are repeated on a server that takes over
	Accepted    bool   // the servers are configured as Durability demands
}

// Health tells how the store does. It asks no server.
func (db *DB) Health() Health {
	state := Health{
		Sessions: db.begun.Load(), Unconfirmed: db.unconfirmed.Load(), Replicas: db.config.Replicas, Remembered: db.sent.count(),
		Accepted: db.refused.Load() == nil,
	}
	if s := db.session.Load(); s != nil {
		state.Writable = s.cut.Load() == nil
		select {
		case <-s.ready:
			state.Serving = !s.spoiled.Load()
		default:
		}
	}
	return state
}

// count returns how many changes are remembered.
func (m *sent) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.all)
}
