package manage

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// Policy returns the policy of an organization and its ETag.
func (m *Manager) Policy(ctx context.Context, c *Caller, organization string) (policy directory.Policy, etag string, err error) {
	t, err := m.policyOf(ctx, c, organization, ReadPolicy)
	if err != nil {
		return directory.Policy{}, "", err
	}
	return t.organization.Policy, contentOf(&t.organization.Policy), nil
}

// policyOf is tenant for policies: who may read an organization, but not its policy,
// is refused; for all others it does not exist.
func (m *Manager) policyOf(ctx context.Context, c *Caller, organization string, action Action) (*tenant, error) {
	t, err := m.tenant(ctx, c, known(organization), ReadOrganization)
	if err != nil {
		return nil, err
	}
	return t, c.need(action, inOrganization(t.organization.ID))
}

// PolicyEnd is a token that a policy ends earlier than the one before.
type PolicyEnd struct {
	Record        pat.Record
	Owner         Reference
	OwnerUsername string
	Before        time.Time // when it ended by the policy before; zero: never
	At            time.Time
	Unused        bool // because it is not used, not by the longest life
}

// PolicyChange is a policy and what it ends.
type PolicyChange struct {
	Policy  directory.Policy
	Applied bool
	Ends    Page[PolicyEnd] // soonest first
}

// ETag tells states of the policy apart.
func (p *PolicyChange) ETag() string { return contentOf(&p.Policy) }

// SetPolicy replaces the policy of an organization, or only tells what that would do.
// What it ends is worked out from the policy that it replaces.
func (m *Manager) SetPolicy(ctx context.Context, c *Caller, organization string, match Match, preview bool, input Input[directory.Policy], ends Input[*Ask]) (*PolicyChange, error) {
	t, err := m.policyOf(ctx, c, organization, WritePolicy)
	if err != nil {
		return nil, err
	}
	ask, err := ends()
	if err != nil {
		return nil, err
	}
	policy, err := input()
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(policy.Validate(), c.staysIn(&policy), c.livesOn(&policy, t.now)); err != nil {
		return nil, err
	}
	if err := match.check(contentOf(&t.organization.Policy)); err != nil {
		return nil, err
	}
	earlier, err := m.policyEnds(ctx, t, &policy, ask)
	if err != nil {
		return nil, err
	}
	if preview {
		return &PolicyChange{Policy: policy, Ends: earlier}, nil
	}
	after, err := m.directory.UpdateOrganization(ctx, t.organization.ID, func(now *directory.Organization) error {
		if err := match.check(contentOf(&now.Policy)); err != nil {
			return err
		}
		now.Policy = policy
		return nil
	}, c.keeper())
	if err != nil {
		return nil, err
	}
	return &PolicyChange{Policy: after.Policy, Applied: true, Ends: earlier}, nil
}

// staysIn refuses a policy by which the caller could not come back from where they are.
func (c *Caller) staysIn(policy *directory.Policy) error {
	networks, err := pat.ParseNetworks("allowedNetworks", policy.AllowedNetworks)
	if err != nil || len(networks) == 0 {
		return err
	}
	from, _ := netip.ParseAddr(c.Origin.IP) // one that cannot be read lies in no network
	if !slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(from.Unmap()) }) {
		return directory.Broken("allowedNetworks", directory.RuleOwnAddress, from.Unmap().String())
	}
	return nil
}

// livesOn refuses a policy that would end the caller at once, and with them the way
// back: what expires and is used then is revoked for good.
func (c *Caller) livesOn(policy *directory.Policy, now time.Time) error {
	if end := pat.EffectiveExpiration(&c.Token, policy); c.Token.ID != "" && !end.IsZero() && !now.Before(end) {
		return directory.Broken("maxLifetimeSeconds", directory.RuleOwnToken)
	}
	if at, ever := c.Identity.InactiveAt(policy); ever && !now.Before(at) {
		return directory.Broken("logonInactivityDays", directory.RuleOwnIdentity)
	}
	return nil
}

// policyEnds lists the tokens of an organization that another policy ends earlier.
func (m *Manager) policyEnds(ctx context.Context, t *tenant, policy *directory.Policy, ask *Ask) (Page[PolicyEnd], error) {
	soonest := newTop(ask.Offset+ask.Limit, func(a, b *PolicyEnd) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Record.ID, b.Record.ID))
	})
	wanted := pat.Query{
		Organization: t.organization.ID, Columns: pat.ColumnState | pat.ColumnExpiration | pat.ColumnLastUsed | pat.ColumnLastSeen,
	}
	for record, err := range m.tokens.Scan(ctx, wanted) {
		if err != nil {
			return Page[PolicyEnd]{}, fmt.Errorf("scan tokens: %w", err)
		}
		if end, earlier := pat.EndsEarlier(&record, &t.organization.Policy, policy, t.now); earlier {
			soonest.add(&PolicyEnd{Record: record, Before: end.Before, At: end.At, Unused: end.Unused})
		}
	}
	found := Page[PolicyEnd]{Entries: soonest.from(ask.Offset), Total: soonest.seen}
	return found, m.nameEnds(ctx, found.Entries)
}

// nameEnds reads what is told of tokens besides their ends.
func (m *Manager) nameEnds(ctx context.Context, ends []PolicyEnd) error {
	ids := make([]pat.ID, len(ends))
	for i := range ends {
		ids[i] = ends[i].Record.ID
	}
	records, err := m.tokens.FindAll(ctx, ids)
	if err != nil {
		return fmt.Errorf("find tokens: %w", err)
	}
	whole := make(map[pat.ID]*pat.Record, len(records))
	for i := range records {
		whole[records[i].ID] = &records[i]
	}
	people := &people{directory: m.directory, known: map[directory.ID]*directory.Identity{}}
	var owners []directory.ID
	for i := range records {
		owners = append(owners, records[i].Owner)
	}
	if err := people.load(ctx, owners); err != nil {
		return err
	}
	for i := range ends {
		end := &ends[i]
		if record := whole[end.Record.ID]; record != nil { // else it is gone meanwhile
			end.Record = *record
		}
		end.Owner = Reference{ID: end.Record.Owner}
		if owner := people.known[end.Record.Owner]; owner != nil {
			end.Owner.Name, end.OwnerUsername = owner.DisplayName, owner.Username
		}
	}
	return nil
}
