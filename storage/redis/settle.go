package redis

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

const (
	// settleLeast is how long a promoted server has taken writes before it is served:
	// time for a process that nobody has heard of yet.
	settleLeast = time.Second
	// settleMost is how long it has taken writes before it is served although a process
	// has not said that it repeated there what it sent: that has ended, or stands.
	settleMost = 5 * time.Second
	// lookEvery is the least time between two looks that calls ask for.
	lookEvery = 100 * time.Millisecond
)

// promotion is a server that may have taken over a moment ago, and lack what ended
// access at the one before. Each process repeats there what it sent (see session), and
// then says so in the store. Until all that serve have, the server is not served.
//
//	met ──▶ takes writes ──▶ all have repeated, settleLeast is over ──▶ served
//	                    └──▶ settleMost is over ───────────────────────┘
//
// Only time between two looks counts that both found that it takes writes, and of that
// beatEvery at most: where all stands still, nobody could repeat anything meanwhile.
type promotion struct {
	who    identity
	first  bool // it was met at the start of this process: others may serve it by now
	served atomic.Bool
	seen   time.Time // when it was found last that it takes writes; zero: it did not
	waited time.Duration
}

// rests reports whether the server is not served yet.
func (p *promotion) rests() bool { return p != nil && !p.served.Load() }

// due takes what a look found, and reports whether the server is to be served.
func (p *promotion) due(now time.Time, takesWrites, all bool) bool {
	if !takesWrites {
		p.seen = time.Time{}
		return false
	}
	if !p.seen.IsZero() {
		p.waited += min(now.Sub(p.seen), beatEvery)
	}
	p.seen = now
	return all && p.waited >= settleLeast || p.waited >= settleMost
}

// follow takes over from the session before: the servers that it did not know are promoted
// ones, and those that rest go on. For the first session of a process all are: it cannot
// tell, but others can.
func (s *session) follow(old *session) {
	if s.alone {
		return
	}
	for addr, who := range s.met {
		switch {
		case old == nil:
			s.promotions[addr] = &promotion{who: who, first: true}
		case !old.knows(who):
			s.promotions[addr] = &promotion{who: who}
		default:
			for _, before := range old.promotions {
				if before.who.still(who) {
					s.promotions[addr] = before
				}
			}
		}
	}
}

// settled fails while a server rests.
func (s *session) settled() error {
	for _, one := range s.promotions {
		if one.rests() {
			return errSettling
		}
	}
	return nil
}

// look asks each primary whether it takes writes, says that this process serves if it is
// time for that, and has promoted servers served that are to be. An error is that of a
// primary that takes no writes.
func (db *DB) look(ctx context.Context, s *session) (taking map[string]bool, err error) {
	db.looking.Lock()
	defer db.looking.Unlock()
	return db.lookAlone(ctx, s)
}

// lookSoon has somebody look, unless one does so or has done so a moment ago. It does not
// wait, and the look does not end with the request: it is for all.
func (db *DB) lookSoon(ctx context.Context, s *session) {
	if !db.looking.TryLock() {
		return
	}
	if db.now().Sub(db.looked) < lookEvery {
		db.looking.Unlock()
		return
	}
	go func() {
		defer db.looking.Unlock()
		_, _ = db.lookAlone(context.WithoutCancel(ctx), s)
	}()
}

func (db *DB) lookAlone(ctx context.Context, s *session) (taking map[string]bool, err error) {
	taking, err = db.taking(ctx, s)
	now, resting := db.now(), s.settled() != nil
	db.looked = now
	tells := db.runs.Load() && !s.spoiled.Load() && (resting || now.Sub(db.told) >= servedFor/4)
	if !resting && !tells {
		return taking, err
	}
	within := presentFor
	if db.peers != nil { // those who were silent since are known
		within = min(within, now.Sub(db.heard)+servedFor)
	}
	there, unknown := db.present(ctx, s, within, tells)
	switch {
	case unknown != nil:
		there = nil
	case tells:
		db.told = now
	}
	for addr, one := range s.promotions {
		if takes, asked := taking[addr]; asked && one.rests() {
			db.decide(one, there, now, takes)
		} else if !asked && len(taking) > 0 {
			s.spoiled.Store(true) // it is no primary any more
		}
	}
	if there != nil && s.settled() == nil {
		db.peers, db.heard = there.served, now
	}
	return taking, err
}

// decide has a promoted server served, if it is time for that.
func (db *DB) decide(one *promotion, there *present, now time.Time, takesWrites bool) {
	missing := db.missing(there, one)
	due := one.due(now, takesWrites, len(missing) == 0)
	switch {
	case one.first && there != nil && (there.empty || there.has(fleet, one.who)):
	case !due:
		return
	case len(missing) > 0:
		db.log.Warn("a promoted redis server is served although processes have not repeated there what they sent", zap.Strings("processes", missing))
	}
	one.served.Store(true)
}

// taking asks each primary whether it takes writes. An error is that of one that does not.
func (db *DB) taking(ctx context.Context, s *session) (taking map[string]bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, db.config.within(callTimeout))
	defer cancel()
	var mu sync.Mutex
	taking = map[string]bool{}
	err = s.primaries(ctx, func(ctx context.Context, client *goredis.Client) error {
		err := db.scripts.beat.Run(ctx, client, nil).Err()
		s.mind(err)
		mu.Lock()
		defer mu.Unlock()
		taking[client.Options().Addr] = err == nil
		return err
	})
	return taking, err
}

// missing returns the processes that have not said that they repeated on a promoted
// server what they sent: of those that served before it was promoted, and of those that
// do now. What cannot be asked is missing, too.
func (db *DB) missing(there *present, one *promotion) (names []string) {
	if there == nil {
		return []string{"not known"}
	}
	asked := map[string]bool{db.process: true} // it has, or there would be no session
	for _, name := range slices.Concat(there.served, db.peers) {
		if !asked[name] && !there.has(name, one.who) {
			names = append(names, name)
		}
		asked[name] = true
	}
	return names
}

// settle waits, in the first session, until promoted servers are served. It does not wait
// for those that take no writes: whoever asks them will be told.
func (db *DB) settle(ctx context.Context, s *session) {
	waits := func() bool {
		taking, _ := db.look(ctx, s)
		for addr, one := range s.promotions {
			if one.rests() && taking[addr] {
				return true
			}
		}
		return false
	}
	for s.settled() != nil && waits() && pause(ctx, lookEvery) == nil {
	}
}
