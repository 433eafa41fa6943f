package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// tokens is the store of tokens.
type tokens struct{ db *DB }

var _ pat.Store = tokens{}

// opLen is how much of an event's id tells it from all others of a record, in bytes.
const opLen = 8

// op names a change in the record that it was done to, by the beginning of the id
// of its event.
func op(event *audit.Event) string {
	name := raw(event.ID)
	return name[:min(opLen, len(name))]
}

// placed checks the ids of record that become parts of keys, and that all of
// them lie in the shard of the token.
func placed(record *pat.Record) error {
	holder := record.Holder()
	switch {
	case !id.Valid(string(record.Owner)) || !sameShard(record.Owner, record.ID):
		return pat.ErrNoOwner
	case !id.Valid(string(record.Organization)), !id.Valid(string(holder)), !sameShard(holder, record.ID),
		record.CreatedByPAT != "" && !id.Valid(string(record.CreatedByPAT)),
		slices.ContainsFunc(record.Lineage, func(ancestor pat.ID) bool { return !id.Valid(string(ancestor)) }):
		return unavailable("place token", errors.New("an id is malformed or in the wrong shard"))
	}
	return nil
}

func sameShard[A, B ~string](a A, b B) bool { return id.Shard(string(a)) == id.Shard(string(b)) }

// Create implements pat.Store.
func (s tokens) Create(ctx context.Context, record pat.Record, limit int, event audit.Event) error {
	if !id.Valid(string(record.ID)) {
		return unavailable("create token", errors.New("its id is malformed"))
	}
	if err := placed(&record); err != nil {
		return err
	}
	shard := id.Shard(string(record.ID))
	parent := record.CreatedByPAT
	local := parent != "" && sameShard(parent, record.ID)
	parentKey := tokenKey(record.ID) // stands in for one that is not looked at
	if local {
		parentKey = tokenKey(parent)
	}
	set, _ := writeToken(&record).fields(tokenFields())
	args := append(make([]any, 0, 96), op(&event), "0", encode(event), raw(record.ID), record.Name, limit, live(&record), score(record.Created),
		flag(local), flag(record.Holder() != record.Owner), flag(record.Managed))
	keys := []string{
		tokenKey(record.ID), epochKey(shard), auditKey(shard), identityKey(record.Owner),
		key(shard, "names:"+string(record.Holder())), key(shard, "live:"+string(record.Holder())), byCreatedKey(shard, record.Organization),
		key(shard, "owned:"+string(record.Owner)), parentKey, managedKey(shard, record.Organization),
	}
	for _, ancestor := range record.Lineage {
		keys = append(keys, key(shard, "kids:"+string(ancestor)))
	}
	answer, err := s.db.do(ctx, call{
		what: "create token", script: s.db.scripts.create, change: true,
		keys: keys, args: append(args, set...),
	})
	return outcome("create token", answer, err)
}

// outcome turns the code of a script into the port's sentinel.
func outcome(what string, answer reply, err error) error {
	if err != nil {
		return err
	}
	switch answer.code {
	case codeOK:
		return nil
	case codeNotFound:
		return fmt.Errorf("%s: %w", what, pat.ErrNotFound)
	case codeConflict:
		return fmt.Errorf("%s: %w", what, pat.ErrConflict)
	case codeName:
		return fmt.Errorf("%s: %w", what, pat.ErrNameTaken)
	case codeLimit:
		return fmt.Errorf("%s: %w", what, pat.ErrLimit)
	case codeNoOwner:
		return fmt.Errorf("%s: %w", what, pat.ErrNoOwner)
	default:
		return unavailable(what, errReply)
	}
}

// Find implements pat.Store.
func (s tokens) Find(ctx context.Context, token pat.ID) (pat.Record, error) {
	if !id.Valid(string(token)) {
		return pat.Record{}, pat.ErrNotFound
	}
	answer, err := s.db.read(ctx, "find token", id.Shard(string(token)), tokenKey(token), tokenFields()...)
	if err != nil {
		return pat.Record{}, err
	}
	return found("find token", token, answer, 0)
}

// found reads a token that has to be there from the i-th value of a reply.
func found(what string, token pat.ID, answer reply, i int) (pat.Record, error) {
	fields, _ := answer.fields(i)
	record, ok, err := readToken(token, read(fields...))
	switch {
	case err != nil:
		return pat.Record{}, unavailable(what, err)
	case !ok:
		return pat.Record{}, fmt.Errorf("%s: %w", what, pat.ErrNotFound)
	}
	return record, nil
}

// read reads fields of a hash, in a way that a replica refuses.
func (db *DB) read(ctx context.Context, what, shard, key string, fields ...string) (reply, error) {
	args := make([]any, 0, len(fields))
	for _, field := range fields {
		args = append(args, field)
	}
	return db.do(ctx, call{what: what, script: db.scripts.read, keys: []string{key, epochKey(shard)}, args: args})
}

// Replace implements pat.Store.
func (s tokens) Replace(ctx context.Context, record pat.Record, limit int, event audit.Event) error {
	if !id.Valid(string(record.ID)) {
		return pat.ErrNotFound
	}
	if err := placed(&record); err != nil {
		return err
	}
	record.Revision++
	shard := id.Shard(string(record.ID))
	c := call{
		what: "replace token", script: s.db.scripts.replace, change: true,
		keys: []string{
			tokenKey(record.ID), epochKey(shard), auditKey(shard),
			key(shard, "names:"+string(record.Holder())), key(shard, "live:"+string(record.Holder())), byCreatedKey(shard, record.Organization),
			managedKey(shard, record.Organization),
		},
		args: replacementArgs(&record, &event, limit, live(&record), useFields()), // what a use wrote stays
	}
	ended := c
	ended.args = replacementArgs(&record, &event, 0, "", slices.Concat(useFields(), endFields()))
	c.again = s.db.againReplaced(&c, &ended, &record)
	answer, err := s.db.do(ctx, c)
	return outcome("replace token", answer, err)
}

// The places among the arguments of a replacement of the revision that is replaced, of
// the number of those that no process knows, and of the number of fields that follow
// with their values.
const (
	replacedAt = 8
	aheadAt    = 9
	setsAt     = 12
)

// replacementArgs are the arguments of the script replace, for a record whose revision
// is the one that it gets. Some fields stay as they are stored.
func replacementArgs(record *pat.Record, event *audit.Event, limit int, live string, without []string) []any {
	set, unset := writeToken(record).fields(tokenFields(), without...)
	return slices.Concat([]any{
		op(event), "0", encode(*event), raw(record.ID), record.Name, limit, live, score(record.Created), number(record.Revision - 1), "",
		digestText(&record.Verifier.Previous), flag(record.Managed), len(set) / 2,
	}, set, unset)
}

// renumber has a replacement replace another revision and make another, which is so far
// ahead of the one it made at first.
func renumber(args []any, replaced, makes, ahead int64) {
	args[replacedAt], args[aheadAt] = number(replaced), number(ahead)
	for i := setsAt + 1; i+1 < len(args); i += 2 {
		if args[i] == "rev" {
			args[i+1] = number(makes)
			break
		}
	}
}

// Revoke implements pat.Store.
func (s tokens) Revoke(ctx context.Context, r pat.Revocation, event audit.Event) (pat.Record, bool, error) {
	if !id.Valid(string(r.ID)) {
		return pat.Record{}, false, pat.ErrNotFound
	}
	shard := id.Shard(string(r.ID))
	c := call{
		what: "revoke token", script: s.db.scripts.revoke, change: true,
		keys: []string{tokenKey(r.ID), epochKey(shard), auditKey(shard)},
		args: []any{
			op(&event), "0", encode(event), raw(r.ID), shardPrefix(shard), r.Generation,
			string(r.To), millis(r.At), string(r.By), string(r.Reason), flag(r.Reversible),
		},
	}
	c.again = s.db.again(&c)
	answer, err := s.db.do(ctx, c)
	if err := outcome("revoke token", answer, err); err != nil {
		return pat.Record{}, false, err
	}
	changed, _ := answer.number(0)
	record, err := found("revoke token", r.ID, answer, 1)
	return record, changed == 1 && err == nil, err
}

// Delete implements pat.Store.
func (s tokens) Delete(ctx context.Context, token pat.ID, event audit.Event) error {
	if !id.Valid(string(token)) {
		return pat.ErrNotFound
	}
	shard := id.Shard(string(token))
	c := call{
		what: "delete token", script: s.db.scripts.remove, change: true,
		keys: []string{tokenKey(token), epochKey(shard), auditKey(shard)},
		args: []any{op(&event), "0", encode(event), raw(token), shardPrefix(shard)},
	}
	c.again = s.db.again(&c)
	answer, err := s.db.do(ctx, c)
	return outcome("delete token", answer, err)
}

// matches reports whether a list of q shows record.
func matches(record *pat.Record, q pat.Query) bool {
	return record.Organization == q.Organization &&
		(q.Holder == "" || record.Holder() == q.Holder) &&
		(q.Ancestor == "" || slices.Contains(record.Lineage, q.Ancestor))
}

// wellFormed reports whether all the ids of q are ids.
func wellFormed(q pat.Query) bool {
	given := func(text string) bool { return text == "" || id.Valid(text) }
	return q.Organization != directory.ID("") && given(string(q.Organization)) && given(string(q.Holder)) && given(string(q.Ancestor))
}
