package manage

import (
	"context"
	"fmt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// Ending is what ends with an identity or a group, or stops while it is disabled: who
// asks for that is told before. Managed tokens are not counted.
type Ending struct {
	Tokens  int // in all
	Usable  int // of those
	Roles   int // assignments that it holds; of a group, those that are held on it too
	Members int // direct ones of a group
}

// IdentityEnding tells who may delete a person what ends then. ErrTechnical.
func (m *Manager) IdentityEnding(ctx context.Context, c *Caller, id string) (*Ending, error) {
	identity, t, err := m.identity(ctx, c, id, WriteIdentity)
	if err == nil {
		err = alterable(identity)
	}
	if err != nil {
		return nil, err
	}
	end := &Ending{}
	for _, assignment := range t.snapshot.Assignments() {
		if assignment.Holder == identity.ID {
			end.Roles++
		}
	}
	return end, m.countEnding(ctx, c, end, identity.Organization, identity.ID)
}

// GroupEnding tells who may delete a group what ends then.
func (m *Manager) GroupEnding(ctx context.Context, c *Caller, id string) (*Ending, error) {
	group, snapshot, err := m.group(ctx, c, id, WriteGroup)
	if err != nil {
		return nil, err
	}
	end := &Ending{}
	var others []directory.ID // who hold a role on the group
	for _, assignment := range snapshot.Assignments() {
		switch {
		case assignment.Holder == group.ID:
			end.Roles++
		case assignment.Scope == directory.OnGroup && assignment.ScopeID == group.ID:
			others = append(others, assignment.Holder)
		}
	}
	people := m.people(c)
	if err := people.load(ctx, others); err != nil {
		return nil, err
	}
	for _, other := range others { // the technical users go with the tokens
		if holder := people.known[other]; holder == nil || holder.Type != directory.TechnicalUser {
			end.Roles++
		}
	}
	for _, err := range m.directory.Members(ctx, group.ID) {
		if err != nil {
			return nil, fmt.Errorf("count members: %w", err)
		}
		end.Members++
	}
	return end, m.countEnding(ctx, c, end, group.Organization, group.ID)
}

// countEnding counts the tokens of a person or a group.
func (m *Manager) countEnding(ctx context.Context, c *Caller, end *Ending, organization, holder directory.ID) error {
	through := m.lens(c)
	for record, err := range m.tokens.List(ctx, pat.Query{Organization: organization, Holder: holder}) {
		if err != nil {
			return fmt.Errorf("count tokens: %w", err)
		}
		if record.Managed {
			continue
		}
		end.Tokens++
		if through.status(&record) == pat.Active {
			end.Usable++
		}
	}
	return nil
}
