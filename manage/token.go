package manage

import (
	"context"
	"strconv"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// Token is a token as its reader is shown it.
type Token struct {
	pat.Record

	Status        pat.Status
	Expires       time.Time // by its own date or the policy; zero: never
	JWTLife       time.Duration
	Reactivatable bool

	OwnerReference Reference
	OwnerUsername  string           // empty if the owner is gone
	OwnerStatus    directory.Status // likewise
	Maker, Revoker *Reference       // nil: the platform, or nobody
}

// ETag tells states of the token apart; uses do not change it.
func (t *Token) ETag() string { return etagOf(&t.Record) }

func etagOf(record *pat.Record) string { return strconv.FormatInt(record.Revision, 10) }

// show returns a token as the caller is shown it.
func (m *Manager) show(ctx context.Context, c *Caller, record *pat.Record) (*Token, error) {
	return m.people(c).show(ctx, m.lens(c), record)
}

func (p *people) show(ctx context.Context, l lens, record *pat.Record) (*Token, error) {
	owner, err := p.find(ctx, record.Owner)
	if err != nil {
		return nil, err
	}
	reference, err := p.refer(ctx, record.Owner, record.Organization)
	if err != nil {
		return nil, err
	}
	shown := &Token{
		Record: *record, Status: l.status(record), Expires: l.expiration(record), JWTLife: l.accessTokenLife(record),
		Reactivatable: record.Reactivatable(l.now) && !l.expired(record), OwnerReference: *reference,
	}
	if owner != nil {
		shown.OwnerUsername, shown.OwnerStatus = owner.Username, owner.Status(l.policy, l.now)
	}
	if shown.Maker, err = p.refer(ctx, record.CreatedBy, record.Organization); err != nil {
		return nil, err
	}
	shown.Revoker, err = p.refer(ctx, record.RevokedBy, record.Organization)
	return shown, err
}

// sees reports whether a token exists for the caller.
func (c *Caller) sees(record *pat.Record) bool {
	if record.Managed && !c.may(SeeManaged, ofToken(record)) {
		return false
	}
	return c.may(ReadToken, ofToken(record))
}

func (c *Caller) owns(record *pat.Record) bool { return record.Owner == c.Identity.ID }

// seen returns the token of an id if the caller may see it, else ErrNotFound.
func (m *Manager) seen(ctx context.Context, c *Caller, text string) (*pat.Record, error) {
	id, err := pat.ParseID(text)
	if err != nil {
		return nil, ErrNotFound
	}
	record, err := m.tokens.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	if !c.sees(&record) {
		return nil, ErrNotFound
	}
	return &record, nil
}

// Token returns one token.
func (m *Manager) Token(ctx context.Context, c *Caller, id string) (*Token, error) {
	if err := c.could(ReadToken); err != nil {
		return nil, err
	}
	record, err := m.seen(ctx, c, id)
	if err != nil {
		return nil, err
	}
	return m.show(ctx, c, record)
}

// CreateToken makes a personal token for the caller, and returns its secret, which
// nothing returns again.
func (m *Manager) CreateToken(ctx context.Context, c *Caller, input Input[*pat.Draft]) (pat.Token, *Token, error) {
	if c.Identity.Type == directory.TechnicalUser {
		return pat.Token{}, nil, ErrTechnicalUser
	}
	if err := c.could(CreateToken); err != nil {
		return pat.Token{}, nil, err
	}
	draft, err := input()
	if err != nil {
		return pat.Token{}, nil, err
	}
	if err := m.checkAudience(ctx, c.Identity.Organization, draft.Audience, nil); err != nil {
		return pat.Token{}, nil, err
	}
	draft.Level, draft.LevelID, draft.AdminRole = pat.Personal, "", false
	token, record, err := m.tokens.Create(ctx, &c.Identity, draft, c.Policy, m.actor(c))
	if err != nil {
		return pat.Token{}, nil, err
	}
	shown, err := m.show(ctx, c, &record)
	return token, shown, err
}

// checkAudience refuses a service that is not configured, or not for the owner's
// organization: a token for it could never be used there. Those that the token had
// before stay, for a service may go and come back. *ServiceError.
func (m *Manager) checkAudience(ctx context.Context, organization directory.ID, audience, before []string) error {
	snapshot, err := m.directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	name := "" // of one that is not known
	if known, ok := snapshot.Organization(organization); ok {
		name = known.Name
	}
	known := make(map[string]bool, len(before))
	for _, service := range before {
		known[service] = true
	}
	for i, service := range audience {
		if !known[service] && !m.services.Has(service, name) {
			return &ServiceError{Index: i, Default: m.services.Management()}
		}
	}
	return nil
}

// own returns the caller's token of an id. One that the caller sees but does not
// own is ErrNotOwner, any other unknown.
func (m *Manager) own(ctx context.Context, c *Caller, id string) (*pat.Record, error) {
	if err := c.could(ChangeToken); err != nil {
		return nil, err
	}
	record, err := m.seen(ctx, c, id)
	if err != nil {
		return nil, err
	}
	if !c.owns(record) {
		return nil, ErrNotOwner
	}
	return record, nil
}

// UpdateToken changes a token of the caller's.
func (m *Manager) UpdateToken(ctx context.Context, c *Caller, id string, match Match, change TokenChange) (*Token, error) {
	return m.update(ctx, c, func() (*pat.Record, error) { return m.own(ctx, c, id) }, match, change)
}

// RotateToken gives a token of the caller's a new secret.
func (m *Manager) RotateToken(ctx context.Context, c *Caller, id string, match Match, input Input[Rotation]) (pat.Token, *Token, error) {
	record, err := m.own(ctx, c, id)
	if err != nil {
		return pat.Token{}, nil, err
	}
	return m.rotate(ctx, c, record, match, input)
}

// RevokeToken ends a token that the caller owns or administers. That of a group or of
// the organization can be re-enabled, unless it leaked or its own owner gave it up.
func (m *Manager) RevokeToken(ctx context.Context, c *Caller, id string, match Match, input Input[pat.End]) (*Token, error) {
	if err := c.could(RevokeToken); err != nil {
		return nil, err
	}
	record, err := m.seen(ctx, c, id)
	if err == nil {
		err = c.need(RevokeToken, ofToken(record))
	}
	if err != nil {
		return nil, err
	}
	return m.revoke(ctx, c, record, match, input)
}

// DeleteToken removes a token, and the technical user that was made with it.
func (m *Manager) DeleteToken(ctx context.Context, c *Caller, id string, match Match) error {
	if err := c.could(DeleteToken); err != nil {
		return err
	}
	record, err := m.seen(ctx, c, id)
	if err == nil {
		err = c.need(DeleteToken, ofToken(record))
	}
	if err != nil {
		return err
	}
	return m.remove(ctx, c, record, match)
}
