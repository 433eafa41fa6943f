package redis

import (
	"context"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// servedFor is how long a process that says nothing counts as one that serves.
	servedFor = 5 * time.Second
	// presentFor is how long it is kept that it did, and what it repeated.
	presentFor = time.Minute
)

func servedKey() string   { return key(cfg, "served") }
func repeatedKey() string { return key(cfg, "repeated") }
func notesKey() string    { return key(cfg, "notes") }

// present is what the processes on the servers say of themselves.
type present struct {
	served   []string                     // names of those that serve
	repeated map[string]map[identity]bool // by the name, where what it sent has been repeated
	notes    []string                     // "<name> <note>"
	empty    bool                         // there is no catalog: nothing can be served
}

// fleet is the name in which any process says that a server is served.
const fleet = ""

// has reports whether a process has repeated on a server what it sent before.
func (p *present) has(name string, who identity) bool {
	for one := range p.repeated[name] {
		if one.still(who) {
			return true
		}
	}
	return false
}

// present asks who serves, or did within that time. A process that tells says so of
// itself, too.
func (db *DB) present(ctx context.Context, s *session, within time.Duration, tells bool) (*present, error) {
	ctx, cancel := context.WithTimeout(ctx, db.config.within(callTimeout))
	defer cancel()
	primary, err := s.primary(ctx, cfg)
	if err != nil {
		return nil, err
	}
	args := []any{"", within.Milliseconds(), presentFor.Milliseconds(), "", ""}
	if tells {
		args[0] = db.process
		args[3], args[4] = db.nextNote()
		for _, who := range s.met {
			args = append(args, db.process+" "+who.String())
		}
		if s.settled() == nil {
			for _, who := range s.met {
				args = append(args, fleet+" "+who.String())
			}
		}
	}
	lists, err := db.scripts.present.Run(ctx, primary, []string{servedKey(), repeatedKey(), notesKey(), catalogKey()}, args...).Slice()
	if err != nil {
		return nil, err
	}
	if len(lists) != 4 {
		return nil, errReply
	}
	out := &present{served: textsOf(lists[0]), notes: textsOf(lists[2]), empty: lists[3] == int64(0), repeated: map[string]map[identity]bool{}}
	for _, one := range textsOf(lists[1]) {
		name, life, _ := strings.Cut(one, " ")
		run, before, _ := strings.Cut(life, " ")
		if out.repeated[name] == nil {
			out.repeated[name] = map[identity]bool{}
		}
		out.repeated[name][identity{run, before}] = true
	}
	return out, nil
}

// textsOf reads a list of an answer; what is no text in it is left out.
func textsOf(list any) []string {
	values, _ := list.([]any)
	out := make([]string, 0, len(values))
	for _, value := range values {
		if text, ok := value.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

// nextNote returns what this process has others know, after its name, and what it had
// them know before if that was something else.
func (db *DB) nextNote() (note, earlier string) {
	if db.config.Note == nil {
		return "", ""
	}
	note = db.process + " " + db.config.Note()
	if before := db.noted.Swap(&note); before != nil && *before != note {
		earlier = *before
	}
	return note, earlier
}

// others asks who serves, without saying anything.
func (db *DB) others(ctx context.Context, what string) (*present, error) {
	ctx, cancel := context.WithTimeout(ctx, db.config.within(callTimeout))
	defer cancel()
	s, err := db.serving(ctx)
	if err != nil {
		return nil, unavailable(what, err)
	}
	there, err := db.present(ctx, s, servedFor, false)
	if err != nil {
		return nil, unavailable(what, err)
	}
	return there, nil
}

// Notes returns the Config.Note of each process that serves what the servers hold, and
// how many serve: those of an earlier version have none.
func (db *DB) Notes(ctx context.Context) (notes []string, serving int, err error) {
	there, err := db.others(ctx, "look what others say")
	if err != nil {
		return nil, 0, err
	}
	for _, member := range there.notes {
		_, note, _ := strings.Cut(member, " ")
		notes = append(notes, note)
	}
	return notes, len(there.served), nil
}

// Served reports whether a process serves what the servers hold, or did so a moment
// ago and did not end in order.
func (db *DB) Served(ctx context.Context) (served bool, err error) {
	there, err := db.others(ctx, "look for others")
	return err == nil && len(there.served) > 0, err
}

// leave says that this process does not serve any more. What it repeated stays known.
func (db *DB) leave(ctx context.Context) {
	_ = db.pipeline(ctx, "say that this served", func(pipe goredis.Pipeliner) func() { // it is forgotten by itself
		pipe.ZRem(ctx, servedKey(), db.process)
		if noted := db.noted.Load(); noted != nil {
			pipe.ZRem(ctx, notesKey(), *noted)
		}
		return func() {}
	})
}
