package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// uses is the hot path.
type uses struct{ db *DB }

var _ pat.UseStore = uses{}

// nobody has the shape of an id and is none that New can make twice. An
// ill-formed id is looked up as this one, to take the same time.
const nobody = pat.ID("00000000000000000000000000000000")

// Use implements pat.UseStore.
func (s uses) Use(ctx context.Context, p pat.Presentation) (pat.Used, error) {
	token := p.ID
	if !id.Valid(string(token)) {
		token = nobody
	}
	shard := id.Shard(string(token))
	args := append(make([]any, 0, 16), p.Now.UnixMilli(), pat.MaxSkew.Milliseconds(), shardPrefix(shard), raw(token),
		p.Origin.IP, p.Origin.UserAgent, p.Origin.TrackingID)
	for i := range p.Candidates {
		args = append(args, digestText(&p.Candidates[i]))
	}
	keys := append(make([]string, 0, 4), tokenKey(token), epochKey(shard), auditKey(shard))
	if p.JTI != "" {
		keys, args = append(keys, key(shard, "jti")), append(args, member(token, p.JTI))
	}
	answer, err := s.db.do(ctx, call{what: "use token", script: s.db.scripts.use, keys: keys, args: args})
	if err != nil {
		return pat.Used{}, err
	}
	used, err := readUsed(p.ID, answer)
	if err != nil {
		return pat.Used{}, unavailable("use token", err)
	}
	return used, nil
}

// What the scripts use and live tell of a token besides its fields.
const (
	toldTransition = 1
	toldRevoked    = 2
)

func readUsed(token pat.ID, answer reply) (pat.Used, error) {
	now, ok := answer.number(0)
	told, ok2 := answer.number(1)
	verifier, ok3 := answer.fields(2)
	often, ok4 := answer.fields(3)
	seldom, ok5 := answer.fields(4)
	if !ok || !ok2 || !ok3 || !ok4 || !ok5 || len(answer.rest) != 6 {
		return pat.Used{}, errReply
	}
	used := pat.Used{Now: time.UnixMilli(now).UTC(), Transitioned: told&toldTransition != 0, JTIRevoked: told&toldRevoked != 0}
	if often == nil {
		r := read(verifier...)
		used.Verifier = readVerifier(r)
		return used, r.err
	}
	if seldom == nil {
		seldom = make([]any, len(seldomFields()))
	}
	var err error
	if used.Record, _, err = readToken(token, read(slices.Concat(verifier, often, seldom)...)); err != nil {
		return pat.Used{}, err
	}
	used.Verifier = used.Record.Verifier
	used.Owner, _, err = readIdentity(used.Record.Owner, answer.rest[5])
	return used, err
}

// Touch implements pat.UseStore. A token that is not there is no error.
func (s uses) Touch(ctx context.Context, t pat.Touch) (bool, error) {
	if !id.Valid(string(t.ID)) {
		return false, nil
	}
	var at, ip, agent, rehash, replaces string
	if t.OldUse != nil {
		at, ip, agent = strconv.FormatInt(t.OldUse.At.UnixMilli(), 10), t.OldUse.IP, t.OldUse.UserAgent
	}
	if !t.Rehash.IsZero() && !t.Replaces.IsZero() {
		rehash, replaces = digestText(&t.Rehash), digestText(&t.Replaces)
	}
	answer, err := s.db.do(ctx, call{
		what: "touch token", script: s.db.scripts.touch,
		keys: []string{tokenKey(t.ID), epochKey(id.Shard(string(t.ID)))},
		args: []any{
			t.Now.UnixMilli(), pat.MaxSkew.Milliseconds(), pat.TouchInterval.Milliseconds(), flag(t.Used), flag(t.Seen),
			at, ip, agent, pat.MaxOldUses, rehash, replaces,
		},
	})
	if err != nil {
		return false, err
	}
	written, ok := answer.number(0)
	if !ok {
		return false, unavailable("touch token", errReply)
	}
	return written == 1, nil
}

// Live implements pat.UseStore; pat.ErrNotFound when the token is gone.
func (s uses) Live(ctx context.Context, token pat.ID, jti string) (pat.Live, error) {
	if !id.Valid(string(token)) {
		return pat.Live{}, pat.ErrNotFound
	}
	shard := id.Shard(string(token))
	answer, err := s.db.do(ctx, call{
		what: "look at token", script: s.db.scripts.live,
		keys: []string{tokenKey(token), epochKey(shard), key(shard, "jti")},
		args: []any{s.db.now().UnixMilli(), pat.MaxSkew.Milliseconds(), shardPrefix(shard), member(token, jti)},
	})
	if err := outcome("look at token", answer, err); err != nil {
		return pat.Live{}, err
	}
	used, err := readUsed(token, answer)
	if err != nil {
		return pat.Live{}, unavailable("look at token", err)
	}
	return pat.Live{Record: used.Record, Owner: used.Owner, Revoked: used.JTIRevoked, Now: used.Now}, nil
}

// member names a JWT among those of its shard.
func member(token pat.ID, jti string) string { return string(token) + ":" + jti }

// RevokeJTI implements pat.UseStore.
func (s uses) RevokeJTI(ctx context.Context, token pat.ID, jti string, expiry time.Time, event audit.Event) (bool, error) {
	if !id.Valid(string(token)) {
		return false, fmt.Errorf("revoke JWT: %w", pat.ErrNotFound)
	}
	if expiry.IsZero() {
		return false, unavailable("revoke JWT", errors.New("it has no expiry"))
	}
	shard := id.Shard(string(token))
	c := call{
		what: "revoke JWT", script: s.db.scripts.jti, change: true,
		keys: []string{tokenKey(token), epochKey(shard), key(shard, "jti"), auditKey(shard)},
		args: []any{op(&event), "0", member(token, jti), score(expiry), encode(event)},
	}
	c.again = s.db.again(c)
	answer, err := s.db.do(ctx, c)
	if err := outcome("revoke JWT", answer, err); err != nil {
		return false, err
	}
	changed, _ := answer.number(0)
	return changed == 1, nil
}
