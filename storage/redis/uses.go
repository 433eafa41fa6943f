package redis

import (
	"context"
	"errors"
	"fmt"
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
func (s uses) Use(ctx context.Context, p pat.Presentation) (*pat.Used, error) {
	token := p.ID
	if !id.Valid(string(token)) {
		token = nobody
	}
	names := s.db.names[id.Shard(string(token))]
	out := &useCall{}
	tokenKey, texts := out.write(&p, token, s.db.skew, names.prefix)
	keys := append(out.keys[:0], tokenKey, names.epoch, names.audit)
	if p.JTI != "" {
		keys, texts = append(keys, names.jti), append(texts, member(token, p.JTI))
	}
	answer, err := s.db.do(ctx, call{what: "use token", joins: s.db.scripts.use, keys: keys, args: commandOf(out.command[:0], keys, texts)})
	if err != nil {
		return nil, err
	}
	used, err := readUsed(p.ID, answer, &out.fields)
	if err != nil {
		return nil, unavailable("use token", err)
	}
	return used, nil
}

// useCall is memory for what one use sends, usually, and for what is answered.
type useCall struct {
	keys    [4]string
	texts   [10]string
	command [commandHead + 4 + 10]any
	fields  [tokenTexts]string
}

// write returns the token's key and the arguments of one use. Those that are made here
// are parts of one text.
func (u *useCall) write(p *pat.Presentation, token pat.ID, skew, prefix string) (tokenKey string, texts []string) {
	var room [256]byte
	var places [len(u.texts)]int
	made := append(append(append(room[:0], prefix...), tokenPrefix...), token...)
	ofKey := len(made)
	made = strconv.AppendInt(made, p.Now.UnixMilli(), 10)
	ends := append(places[:0], len(made))
	made = appendRaw(made, token)
	ends = append(ends, len(made))
	for i := range p.Candidates {
		made = appendDigest(made, &p.Candidates[i])
		ends = append(ends, len(made))
	}
	all := string(made)
	texts = append(u.texts[:0], all[ofKey:ends[0]], skew, prefix, all[ends[0]:ends[1]], p.Origin.IP, p.Origin.UserAgent, p.Origin.TrackingID)
	for i := range p.Candidates {
		texts = append(texts, all[ends[i+1]:ends[i+2]])
	}
	return all[:ofKey], texts
}

// What the scripts use and live tell of a token besides its fields.
const (
	toldTransition = 1
	toldRevoked    = 2
)

// readUsed reads the answer of those, by way of fields.
func readUsed(token pat.ID, answer reply, fields *[tokenTexts]string) (*pat.Used, error) {
	p := answer.packed
	now, told := p.number(), p.number()
	used := &pat.Used{Now: time.UnixMilli(now).UTC(), Transitioned: told&toldTransition != 0, JTIRevoked: told&toldRevoked != 0}
	known := p.texts(fields[:digestTexts])
	proved := p.texts(fields[digestTexts:oftenTexts])
	p.texts(fields[oftenTexts:])
	owner := p.text()
	if !known || p.err != nil || p.rest != "" {
		return nil, errReply
	}
	r := &reader{texts: fields[:], plain: true}
	if !proved {
		used.Verifier = readVerifier(r)
		return used, r.err
	}
	_, err := fillToken(&used.Record, token, r)
	used.Verifier = used.Record.Verifier
	if err == nil && owner != "" {
		used.Owner, err = unpackIdentity(used.Record.Owner, used.Record.Organization, owner)
	}
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
	names, out := s.db.names[id.Shard(string(token))], &useCall{}
	keys := append(out.keys[:0], tokenKey(token), names.epoch, names.jti)
	texts := append(out.texts[:0], number(s.db.now().UnixMilli()), s.db.skew, names.prefix, member(token, jti))
	answer, err := s.db.do(ctx, call{what: "look at token", joins: s.db.scripts.live, keys: keys, args: commandOf(out.command[:0], keys, texts)})
	if err := outcome("look at token", answer, err); err != nil {
		return pat.Live{}, err
	}
	used, err := readUsed(token, answer, &out.fields)
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
	c.again = s.db.again(&c)
	answer, err := s.db.do(ctx, c)
	if err := outcome("revoke JWT", answer, err); err != nil {
		return false, err
	}
	changed, _ := answer.number(0)
	return changed == 1, nil
}
