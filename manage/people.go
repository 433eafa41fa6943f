package manage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// people looks up identities, each once in the life of a request.
type people struct {
	directory *directory.Directory
	known     map[directory.ID]*directory.Identity // nil: there is none
}

// people knows the caller from the start: who made a token is told its secret,
// whatever becomes of the store meanwhile.
func (m *Manager) people(c *Caller) *people {
	return &people{directory: m.directory, known: map[directory.ID]*directory.Identity{c.Identity.ID: &c.Identity}}
}

// find returns nil for an identity that is gone.
func (p *people) find(ctx context.Context, id directory.ID) (*directory.Identity, error) {
	if identity, ok := p.known[id]; ok {
		return identity, nil
	}
	identity, err := p.directory.Find(ctx, id)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		p.known[id] = nil
	case err != nil:
		return nil, fmt.Errorf("find identity: %w", err)
	default:
		p.known[id] = &identity
	}
	return p.known[id], nil
}

// load looks up all of them at once.
func (p *people) load(ctx context.Context, ids []directory.ID) error {
	var unknown []directory.ID
	for _, id := range ids {
		if _, ok := p.known[id]; !ok && id != "" {
			p.known[id] = nil // once is enough
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	found, err := p.directory.FindAll(ctx, unknown)
	if err != nil {
		return fmt.Errorf("find identities: %w", err)
	}
	for id, identity := range found {
		p.known[id] = &identity
	}
	return nil
}

// Reference names an identity. Its name is not told across organizations, nor when
// it is gone.
type Reference struct {
	ID   directory.ID
	Name string // display name
}

// refer returns the reference to an identity; nil for the platform, which has no id.
func (p *people) refer(ctx context.Context, id, organization directory.ID) (*Reference, error) {
	if id == "" {
		return nil, nil
	}
	identity, err := p.find(ctx, id)
	if err != nil {
		return nil, err
	}
	reference := &Reference{ID: id}
	if identity != nil && identity.Organization == organization {
		reference.Name = identity.DisplayName
	}
	return reference, nil
}

// Names returns what ids are of that a use case has told the caller, as those in audit
// events: the people, technical users and groups of the caller's organization, and itself. Who
// has no display name goes by the username. Whatever is elsewhere, gone, or
// something else is not among them.
func (m *Manager) Names(ctx context.Context, c *Caller, ids []directory.ID) (map[directory.ID]Reference, error) {
	snapshot, err := m.directory.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	names, organization := make(map[directory.ID]Reference, len(ids)), c.Identity.Organization
	if own, ok := snapshot.Organization(organization); ok && slices.Contains(ids, organization) {
		names[organization] = Reference{ID: organization, Name: own.Name}
	}
	var others []directory.ID
	for _, id := range ids {
		group, isGroup := snapshot.Group(id)
		switch {
		case isGroup && group.Organization == organization:
			names[id] = Reference{ID: id, Name: group.Name}
		case !isGroup && id != organization:
			others = append(others, id)
		}
	}
	people := m.people(c)
	if err := people.load(ctx, others); err != nil {
		return nil, err
	}
	for _, id := range others {
		if identity := people.known[id]; identity != nil && identity.Organization == organization {
			names[id] = Reference{ID: id, Name: cmp.Or(identity.DisplayName, identity.Username)}
		}
	}
	return names, nil
}

// lens is what a record is looked at with: the policy it is under, and the time.
type lens struct {
	policy *directory.Policy
	now    time.Time
}

func (m *Manager) lens(c *Caller) lens { return lens{policy: c.Policy, now: m.now()} }

// expiration is when the token ends, by its own date or by the policy.
func (l lens) expiration(record *pat.Record) time.Time {
	return pat.EffectiveExpiration(record, l.policy)
}

func (l lens) expired(record *pat.Record) bool {
	end := l.expiration(record)
	return !end.IsZero() && !l.now.Before(end)
}

func (l lens) status(record *pat.Record) pat.Status {
	status := record.Status(l.now)
	if status == pat.Active && l.expired(record) {
		return pat.Expired
	}
	return status
}

func (l lens) accessTokenLife(record *pat.Record) time.Duration {
	if record.AccessTokenLife == 0 {
		return time.Duration(l.policy.DefaultAccessTokenSeconds) * time.Second
	}
	return record.AccessTokenLife
}
