package redis

import (
	"context"
	"fmt"
	"strconv"

	"github.com/cambio-sts/cambio/pat"
)

// repeatedAt is where the arguments of a change say whether it is repeated.
const repeatedAt = 1

// again repeats a call as it is: one whose script does nothing where it has been
// done.
func (db *DB) again(c *call) func(context.Context, *session) error {
	kept := c.parcel()
	return func(ctx context.Context, s *session) error {
		_, err := db.resend(ctx, s, kept.call())
		return err
	}
}

// againUnless repeats the replacement of a record where an earlier revision than
// the one it made is stored. wanted is where its arguments say which one it
// replaces.
func (db *DB) againUnless(c *call, revision int64, wanted int) func(context.Context, *session) error {
	kept := c.parcel()
	return db.againAfter(func(ctx context.Context, s *session) (call, error) {
		next := kept.call()
		r, err := db.storedFields(ctx, s, next.keys[0], "rev", "op")
		if err != nil {
			return call{}, err
		}
		there, _ := r.number(), r.text()
		if r.err != nil || there >= revision {
			return call{}, r.err // it is gone, was lost with its creation, or whoever came later knew of this
		}
		next.args[wanted] = number(there)
		return next, nil
	})
}

// againReplaced is againUnless for a token. Where that has ended meanwhile, it stays
// so: ended is the call that changes all else. Only a replacement that made a
// generation after the one that ended brings the token back.
//
// A revocation that was repeated has made a revision that is not the one it had made
// at first; those that are ahead for that do not count, so that what came before it is
// repeated after it, too.
func (db *DB) againReplaced(c, ended *call, record *pat.Record) func(context.Context, *session) error {
	whole, rest, generation, revision := c.parcel(), ended.parcel(), record.Generation, record.Revision
	return db.againAfter(func(ctx context.Context, s *session) (call, error) {
		next := whole.call()
		r, err := db.storedFields(ctx, s, next.keys[0], "rev", "ahead", "state", "gen")
		if err != nil {
			return call{}, err
		}
		there, ahead, state, its := r.number(), r.number(), pat.State(r.text()), r.number()
		if r.err != nil || state == "" || there-ahead >= revision {
			return call{}, r.err
		}
		if state != pat.StateActive && generation <= its {
			next = rest.call()
		}
		makes := max(there+1, revision)
		renumber(next.args, there, makes, makes-revision)
		return next, nil
	})
}

// againAfter repeats a call that depends on what is stored, which prepare looks at; a
// call without a script is none. Others may write in between, this process too.
func (db *DB) againAfter(prepare func(context.Context, *session) (call, error)) func(context.Context, *session) error {
	return func(ctx context.Context, s *session) error {
		var next call
		for range repeatAttempts {
			var err error
			if next, err = prepare(ctx, s); err != nil || next.script == nil {
				return err
			}
			code, err := db.resend(ctx, s, next)
			if err != nil || code != codeConflict {
				return err
			}
		}
		return fmt.Errorf("repeat: %s: too many others write", next.what)
	}
}

// resend sends a call on a session that has not begun. A refusal is an answer:
// what came later is in the way. Replicas need not confirm it: a server that was
// just promoted may have none, and this process goes on remembering.
func (db *DB) resend(ctx context.Context, s *session, c call) (code string, err error) {
	c.change = false
	answer, err := db.send(ctx, s, c.shard(), &c)
	if err != nil {
		return "", fmt.Errorf("repeat: %s: %w", c.what, err)
	}
	switch answer.code {
	case codeSkew, codeLate, codeFull:
		return "", fmt.Errorf("repeat: %s: redis says %s", c.what, answer.code)
	}
	return answer.code, nil
}

// stored reads one field of a hash on a session that has not begun.
func (db *DB) stored(ctx context.Context, s *session, key, field string) (text string, ok bool, err error) {
	r, err := db.storedFields(ctx, s, key, field)
	if err != nil {
		return "", false, err
	}
	text = r.text()
	return text, text != "", r.err
}

// storedFields is stored for several fields.
func (db *DB) storedFields(ctx context.Context, s *session, key string, fields ...string) (*reader, error) {
	c := call{what: "read before a repetition", script: db.scripts.read}
	for _, field := range fields {
		c.args = append(c.args, field)
	}
	c.keys = []string{key, ""}
	shard := c.shard()
	c.keys[1] = epochKey(shard)
	answer, err := db.send(ctx, s, shard, &c)
	if err != nil {
		return nil, err
	}
	values, _ := answer.fields(0)
	if len(values) != len(fields) {
		return nil, errReply
	}
	return read(values...), nil
}

// removal is something that a change of the catalog takes away: the place of its
// hash among the script's keys, and its id.
type removal struct {
	place int
	id    string
}

// againRemoved repeats the removals of a change of the catalog, as far as what
// they removed is there. c is that change, made of nothing else.
func (db *DB) againRemoved(c call, removals []removal, events []any) func(context.Context, *session) error {
	c.args = c.args[:1:1]
	return func(ctx context.Context, s *session) error {
		for range repeatAttempts {
			left, version, err := db.notRemoved(ctx, s, &c, removals)
			if err != nil || len(left) == 0 {
				return err
			}
			c := c
			c.change = false // as in resend
			c.args = append([]any{c.args[0], "1", version, "1", len(left)}, encodeRemovals(left)...)
			c.args = append(c.args, events...)
			answer, err := db.send(ctx, s, cfg, &c)
			if err != nil || answer.code == codeOK {
				return err
			}
		}
		return fmt.Errorf("repeat: %s: too many others write", c.what)
	}
}

// repeatAttempts is how often others may write in between.
const repeatAttempts = 20

// notRemoved returns what is still there of what was removed, and the version of
// the catalog before it was looked at.
func (db *DB) notRemoved(ctx context.Context, s *session, c *call, removals []removal) (left []removal, version string, err error) {
	version, ok, err := db.stored(ctx, s, catalogKey(), "version")
	if err != nil || !ok {
		return nil, "", err
	}
	for _, one := range removals {
		_, there, err := db.stored(ctx, s, c.keys[one.place-1], one.id)
		if err != nil {
			return nil, "", err
		}
		if there {
			left = append(left, one)
		}
	}
	return left, version, nil
}

func encodeRemovals(removals []removal) []any {
	out := make([]any, 0, 3*len(removals))
	for _, one := range removals {
		out = append(out, one.place, one.id, "")
	}
	return out
}

// againSwapped repeats a swap of the key ring where an earlier version of it is
// stored. In a store without a ring nothing is made.
func (db *DB) againSwapped(c *call, version uint64) func(context.Context, *session) error {
	kept := c.parcel()
	return func(ctx context.Context, s *session) error {
		stored, ok, err := db.stored(ctx, s, ringKey(), "version")
		if err != nil || !ok {
			return err
		}
		switch n, err := strconv.ParseUint(stored, 10, 64); {
		case err != nil:
			return errReply
		case n >= version:
			return nil
		}
		next := kept.call()
		next.args[3] = stored
		_, err = db.resend(ctx, s, next)
		return err
	}
}
