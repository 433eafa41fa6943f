package redis

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

// again repeats a call as it is: one whose script does nothing where it has been
// done.
func (db *DB) again(c call) func(context.Context, *session) error {
	c.args = slices.Clone(c.args) // the first sending may change them meanwhile
	c.args[1] = "1"
	return func(ctx context.Context, s *session) error { return db.resend(ctx, s, c) }
}

// againUnless repeats the replacement of a record where an earlier revision than
// the one it made is stored. wanted is where its arguments say which one it
// replaces.
func (db *DB) againUnless(c call, revision int64, wanted int) func(context.Context, *session) error {
	c.args = slices.Clone(c.args)
	c.args[1] = "1"
	return func(ctx context.Context, s *session) error {
		stored, ok, err := db.stored(ctx, s, c.keys[0], "rev")
		if err != nil || !ok {
			return err // it is gone, or was lost with its creation
		}
		switch n, err := strconv.ParseInt(stored, 10, 64); {
		case err != nil:
			return errReply
		case n >= revision:
			return nil // whoever came later knew of it
		}
		c := c
		c.args = slices.Clone(c.args)
		c.args[wanted] = stored
		return db.resend(ctx, s, c)
	}
}

// resend sends a call on a session that has not begun. A refusal is an answer:
// what came later is in the way. Replicas need not confirm it: a server that was
// just promoted may have none, and this process goes on remembering.
func (db *DB) resend(ctx context.Context, s *session, c call) error {
	c.change = false
	answer, err := db.send(ctx, s, c.shard(), &c)
	if err != nil {
		return fmt.Errorf("repeat: %s: %w", c.what, err)
	}
	switch answer[0] {
	case codeSkew, codeLate, codeFull:
		return fmt.Errorf("repeat: %s: redis says %s", c.what, answer[0])
	}
	return nil
}

// stored reads one field of a hash on a session that has not begun.
func (db *DB) stored(ctx context.Context, s *session, key, field string) (text string, ok bool, err error) {
	c := call{what: "read before a repetition", script: db.scripts.read, args: []any{field}}
	c.keys = []string{key, ""}
	shard := c.shard()
	c.keys[1] = epochKey(shard)
	answer, err := db.send(ctx, s, shard, &c)
	if err != nil {
		return "", false, err
	}
	fields, _ := reply{rest: answer[2:]}.fields(0)
	text, read := optional(fields)
	if !read {
		return "", false, errReply
	}
	return text, text != "", nil
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
			if err != nil || answer[0] == codeOK {
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
func (db *DB) againSwapped(c call, version uint64) func(context.Context, *session) error {
	c.args = slices.Clone(c.args)
	c.args[1] = "1"
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
		c := c
		c.args = slices.Clone(c.args)
		c.args[3] = stored
		return db.resend(ctx, s, c)
	}
}
