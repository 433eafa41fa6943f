package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// identities is the store of identities.
type identities struct{ db *DB }

var _ directory.Identities = identities{}

// identityOutcome turns the code of a script into the port's sentinel.
func identityOutcome(what string, answer reply, err error) error {
	if err != nil {
		return err
	}
	switch answer.code {
	case codeOK:
		return nil
	case codeNotFound:
		return fmt.Errorf("%s: %w", what, directory.ErrNotFound)
	case codeConflict:
		return fmt.Errorf("%s: %w", what, directory.ErrConflict)
	default:
		return unavailable(what, errReply)
	}
}

// Create implements directory.Identities: the logins are reserved first, and
// the identity is written while that reservation is young.
func (s identities) Create(ctx context.Context, identity directory.Identity, event audit.Event) error {
	if !id.Valid(string(identity.ID)) || !id.Valid(string(identity.Organization)) {
		return unavailable("create identity", errors.New("an id is malformed"))
	}
	switch _, op, err := s.load(ctx, identity.ID); {
	case err == nil && op != "" && op == event.ID:
		return nil // done already
	case err == nil:
		return fmt.Errorf("create identity: %w", directory.ErrConflict)
	case !errors.Is(err, directory.ErrNotFound):
		return err
	}
	held, err := s.reserve(ctx, &identity, loginsOf(&identity), nil)
	if err != nil {
		return err
	}
	shard := id.Shard(string(identity.ID))
	args := append(make([]any, 0, 48), event.ID, "0", encode(event), raw(identity.ID), shardPrefix(shard), score(identity.Created), held.deadline)
	answer, err := s.db.do(ctx, call{
		what: "create identity", script: s.db.scripts.identityCreate, change: true,
		keys: []string{identityKey(identity.ID), epochKey(shard), auditKey(shard), identitiesKey(shard, identity.Organization)},
		args: append(args, writeIdentity(&identity)...),
	})
	return identityOutcome("create identity", answer, err)
}

// Find implements directory.Identities.
func (s identities) Find(ctx context.Context, identity directory.ID) (directory.Identity, error) {
	out, _, err := s.load(ctx, identity)
	return out, err
}

// load returns an identity and the event of its last change.
func (s identities) load(ctx context.Context, identity directory.ID) (found directory.Identity, op string, err error) {
	if !id.Valid(string(identity)) {
		return directory.Identity{}, "", directory.ErrNotFound
	}
	answer, err := s.db.read(ctx, "find identity", id.Shard(string(identity)), identityKey(identity), "record", "op")
	if err != nil {
		return directory.Identity{}, "", err
	}
	fields, _ := answer.fields(0)
	if len(fields) != 2 {
		return directory.Identity{}, "", unavailable("find identity", errReply)
	}
	out, ok, err := readIdentity(identity, fields[0])
	switch {
	case err != nil:
		return directory.Identity{}, "", unavailable("find identity", err)
	case !ok:
		return directory.Identity{}, "", fmt.Errorf("find identity: %w", directory.ErrNotFound)
	}
	op, _ = fields[1].(string)
	return out, op, nil
}

// Replace implements directory.Identities. New logins are reserved before and
// old ones released after; what a crash leaves in between is released by
// whoever wants the login.
func (s identities) Replace(ctx context.Context, identity directory.Identity, event audit.Event) error {
	before, op, err := s.load(ctx, identity.ID)
	if err != nil {
		return err
	}
	if op != "" && op == event.ID {
		return nil // done already
	}
	if before.Revision != identity.Revision {
		return fmt.Errorf("replace identity: %w", directory.ErrConflict)
	}
	if before.Organization != identity.Organization {
		return unavailable("replace identity", errors.New("it cannot change its organization"))
	}
	held, err := s.reserve(ctx, &identity, missing(loginsOf(&identity), loginsOf(&before)), missing(loginsOf(&before), loginsOf(&identity)))
	if err != nil {
		return err
	}
	shard, read := id.Shard(string(identity.ID)), identity.Revision
	identity.Revision++
	args := append(make([]any, 0, 48), event.ID, "0", encode(event), raw(identity.ID), shardPrefix(shard), score(identity.Created), held.deadline,
		number(read), flag(before.LosesBy(&identity)))
	c := call{
		what: "replace identity", script: s.db.scripts.identityReplace, change: true,
		keys: []string{identityKey(identity.ID), epochKey(shard), auditKey(shard), identitiesKey(shard, identity.Organization)},
		args: append(args, writeIdentity(&identity)...),
	}
	const wanted = 7         // the place of read in args
	if held.deadline == "" { // logins that it takes may be others' by then
		c.again = s.db.againUnless(&c, identity.Revision, wanted)
	}
	answer, err := s.db.do(ctx, c)
	if err := identityOutcome("replace identity", answer, err); err != nil {
		return err
	}
	s.release(ctx, identity.Organization, held.given)
	return nil
}

// Delete implements directory.Identities.
func (s identities) Delete(ctx context.Context, identity directory.ID, event audit.Event) error {
	if !id.Valid(string(identity)) {
		return directory.ErrNotFound
	}
	shard := id.Shard(string(identity))
	c := call{
		what: "delete identity", script: s.db.scripts.identityDelete, change: true,
		keys: []string{identityKey(identity), epochKey(shard), auditKey(shard), key(shard, "names:"+string(identity)), key(shard, "owned:"+string(identity))},
		args: []any{
			event.ID, "0", encode(event), raw(identity), shardPrefix(shard),
			millisOf(&event), event.Actor, event.IP, event.UserAgent, event.TrackingID,
		},
	}
	c.again = s.db.again(&c)
	answer, err := s.db.do(ctx, c)
	if err := identityOutcome("delete identity", answer, err); err != nil {
		return err
	}
	fields, _ := answer.fields(0)
	if len(fields) != 1 {
		return nil // a repeated command: the entries of its logins are dead
	}
	if gone, ok, err := readIdentity(identity, fields[0]); ok && err == nil {
		s.release(ctx, gone.Organization, givenUp(&gone))
	}
	return nil
}

// List implements directory.Identities.
func (s identities) List(ctx context.Context, organization directory.ID) iter.Seq2[directory.Identity, error] {
	return func(yield func(directory.Identity, error) bool) {
		if !id.Valid(string(organization)) {
			return
		}
		index := func(shard string) string { return identitiesKey(shard, organization) }
		for ids, err := range s.db.merge(ctx, index, false) {
			var batch []directory.Identity
			if err == nil {
				batch, err = s.loadAll(ctx, ids)
			}
			if err != nil {
				yield(directory.Identity{}, err)
				return
			}
			for i := range batch {
				if !yield(batch[i], nil) {
					return
				}
			}
		}
	}
}

// FindAll implements directory.Identities.
func (s identities) FindAll(ctx context.Context, ids []directory.ID) (map[directory.ID]directory.Identity, error) {
	found := make(map[directory.ID]directory.Identity, len(ids))
	var known []string
	for _, one := range ids {
		if id.Valid(string(one)) {
			known = append(known, string(one))
		}
	}
	for chunk := range slices.Chunk(known, maxBatch) {
		batch, err := s.loadAll(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for i := range batch {
			found[batch[i].ID] = batch[i]
		}
	}
	return found, nil
}

// loadAll reads identities; those that are gone meanwhile are left out.
func (s identities) loadAll(ctx context.Context, ids []string) ([]directory.Identity, error) {
	out := make([]directory.Identity, 0, len(ids))
	var bad error
	err := s.db.pipeline(ctx, "list identities", func(pipe goredis.Pipeliner) func() {
		rows := make([]*goredis.SliceCmd, 0, len(ids))
		for _, one := range ids {
			rows = append(rows, pipe.HMGet(ctx, identityKey(directory.ID(one)), "record"))
		}
		return func() {
			for i, row := range rows {
				identity, ok, err := readIdentity(directory.ID(ids[i]), row.Val()[0])
				if bad = cmp.Or(bad, err); ok {
					out = append(out, identity)
				}
			}
		}
	})
	if bad != nil {
		return nil, unavailable("list identities", bad)
	}
	return out, err
}
