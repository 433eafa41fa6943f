package manage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// Me is who acts and what they may do.
type Me struct {
	Identity     *Identity
	Organization Reference
	Token        *Reference // that the caller acts by; nil for a session
	Scope        []string
	Groups       []Reference // direct or by nesting, by name
	Roles        []directory.Assignment
	ScopeNames   map[directory.ID]string // of the organizations and groups in which the roles are held
	Rights       []directory.Right       // held, and covered by the token
	InactiveAt   time.Time               // zero: never

	MayCreateTokens bool
	UsableTokens    int // of the caller's own
	MaxTokens       int // 0: any number
}

// DaysToInactivity is how many whole days are left; false: it never comes to that.
func (me *Me) DaysToInactivity(now time.Time) (int, bool) {
	return daysUntil(me.InactiveAt, now), !me.InactiveAt.IsZero()
}

func daysUntil(at, now time.Time) int { return max(0, int(at.Sub(now)/(24*time.Hour))) }

// Me tells the caller who they are. Anyone may ask.
func (m *Manager) Me(ctx context.Context, c *Caller) (*Me, error) {
	snapshot, err := m.directory.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	organization, ok := snapshot.Organization(c.Identity.Organization)
	if !ok {
		return nil, ErrNotFound
	}
	t := &tenant{snapshot: snapshot, organization: organization, now: m.now()}
	me := &Me{
		Identity: t.show(&c.Identity), Organization: Reference{ID: organization.ID, Name: organization.Name}, Scope: c.Scope,
		MayCreateTokens: c.Identity.Type == directory.User && c.could(CreateToken) == nil, MaxTokens: organization.Policy.MaxTokensPerOwner,
	}
	if c.Token.ID != "" {
		me.Token = &Reference{ID: directory.ID(c.Token.ID), Name: c.Token.Name}
	}
	for _, id := range c.Access.GroupIDs() {
		if group, ok := snapshot.Group(id); ok {
			me.Groups = append(me.Groups, Reference{ID: id, Name: group.Name})
		}
	}
	me.Roles, me.ScopeNames = rolesOf(c.Access.Assignments()), map[directory.ID]string{}
	for i := range me.Roles {
		me.ScopeNames[me.Roles[i].ScopeID] = scopeName(snapshot, &me.Roles[i])
	}
	for _, right := range directory.Rights() {
		if c.May(right) {
			me.Rights = append(me.Rights, right)
		}
	}
	if at, ok := c.Identity.InactiveAt(&organization.Policy); ok {
		me.InactiveAt = at
	}
	me.UsableTokens, err = m.usable(ctx, c)
	return me, err
}

// rolesOf lists each role once for each scope.
func rolesOf(assignments []directory.Assignment) []directory.Assignment {
	var roles []directory.Assignment
	for _, a := range assignments {
		held := directory.Assignment{Role: a.Role, Scope: a.Scope, ScopeID: a.ScopeID}
		same := func(b directory.Assignment) bool {
			return b.Role == held.Role && b.Scope == held.Scope && b.ScopeID == held.ScopeID
		}
		if a.Role != "" && !slices.ContainsFunc(roles, same) {
			roles = append(roles, held)
		}
	}
	return roles
}

func (m *Manager) usable(ctx context.Context, c *Caller) (int, error) {
	if c.Identity.Type == directory.TechnicalUser {
		return 0, nil
	}
	usable, through := 0, m.lens(c)
	for record, err := range m.tokens.List(ctx, pat.Query{Organization: c.Identity.Organization, Holder: c.Identity.ID}) {
		if err != nil {
			return 0, fmt.Errorf("count tokens: %w", err)
		}
		if through.status(&record) == pat.Active && !record.Managed {
			usable++
		}
	}
	return usable, nil
}
