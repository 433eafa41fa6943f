package manage

import (
	"context"
	"fmt"
	"time"

	"github.com/cambio-sts/cambio/directory"
)

// Inactivity is a person who becomes inactive without another login.
type Inactivity struct {
	Identity directory.Identity
	Status   directory.Status
	At       time.Time // when it comes, or came, to that
	Days     int       // whole ones until then
}

// Inactivity lists people under the threshold, the first to become inactive first.
// within, if not negative, leaves out who has more than so many days left.
func (m *Manager) Inactivity(ctx context.Context, c *Caller, within int, input Input[*Ask]) (Page[Inactivity], error) {
	t, err := m.tenant(ctx, c, "", ReadInactivity)
	if err != nil {
		return Page[Inactivity]{}, err
	}
	ask, err := input()
	if err != nil {
		return Page[Inactivity]{}, err
	}
	policy := &t.organization.Policy
	first := newTop(ask.Offset+ask.Limit, func(a, b *Inactivity) int { return a.At.Compare(b.At) })
	for identity, err := range m.directory.ListIdentities(ctx, t.organization.ID) {
		if err != nil {
			return Page[Inactivity]{}, fmt.Errorf("list identities: %w", err)
		}
		at, ever := identity.InactiveAt(policy)
		if days := daysUntil(at, t.now); ever && (within < 0 || days <= within) {
			first.add(&Inactivity{Identity: identity, Status: identity.Status(policy, t.now), At: at, Days: days})
		}
	}
	return Page[Inactivity]{Entries: first.from(ask.Offset), Total: first.seen}, nil
}
