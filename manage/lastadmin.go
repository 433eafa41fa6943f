package manage

import (
	"context"
	"fmt"
	"slices"

	"github.com/cambio-sts/cambio/directory"
)

// loss is a change by which somebody may lose platform_admin.
type loss struct {
	assignment directory.ID // that ends
	group      directory.ID // that ends, or that loses what follows
	child      directory.ID // of group: its nesting there ends
	identity   directory.ID // that ends; with group: only its membership there
}

// keepsAdministrator refuses a change after which nobody who may act would administer
// the platform.
func (m *Manager) keepsAdministrator(ctx context.Context, snapshot *directory.Snapshot, lost loss) error {
	for _, assignment := range snapshot.Assignments() {
		if assignment.Role != directory.PlatformAdmin || assignment.ID == lost.assignment {
			continue
		}
		given, err := m.reaches(ctx, snapshot, assignment.Holder, lost)
		if given || err != nil {
			return err
		}
	}
	return ErrLastAdministrator
}

// reaches reports whether what a holder has still comes to somebody who is enabled.
func (m *Manager) reaches(ctx context.Context, snapshot *directory.Snapshot, holder directory.ID, lost loss) (bool, error) {
	if _, isGroup := snapshot.Group(holder); !isGroup {
		if lost.group == "" && holder == lost.identity {
			return false, nil
		}
		found, err := m.directory.FindAll(ctx, []directory.ID{holder})
		if err != nil {
			return false, fmt.Errorf("find an administrator: %w", err)
		}
		identity := found[holder]
		return identity.Enabled, nil
	}
	waiting, seen := []directory.ID{holder}, map[directory.ID]bool{}
	for len(waiting) > 0 {
		id := waiting[0]
		waiting = waiting[1:]
		group, ok := snapshot.Group(id)
		if !ok || seen[id] || lost.isGroup(id) {
			continue
		}
		seen[id] = true
		for _, child := range group.ChildGroups {
			if id != lost.group || child != lost.child {
				waiting = append(waiting, child)
			}
		}
		if found, err := m.hasMember(ctx, id, lost); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// isGroup reports whether it is the whole group that ends.
func (l loss) isGroup(id directory.ID) bool {
	return l.group == id && l.child == "" && l.identity == ""
}

// hasMember reports whether a group still has a direct member who is enabled.
func (m *Manager) hasMember(ctx context.Context, group directory.ID, lost loss) (bool, error) {
	for member, err := range m.directory.Members(ctx, group) {
		if err != nil {
			return false, fmt.Errorf("list administrators: %w", err)
		}
		gone := member.ID == lost.identity && (lost.group == "" || lost.group == group)
		if member.Enabled && !gone {
			return true, nil
		}
	}
	return false, nil
}

// givesPlatform reports whether platform_admin is among assignments.
func givesPlatform(assignments []directory.Assignment) bool {
	return slices.ContainsFunc(assignments, func(a directory.Assignment) bool { return a.Role == directory.PlatformAdmin })
}

// keepsAdministratorWithout is keepsAdministrator for an identity that ends, or that
// is disabled.
func (m *Manager) keepsAdministratorWithout(ctx context.Context, snapshot *directory.Snapshot, identity *directory.Identity) error {
	access := snapshot.AccessOf(identity)
	if !identity.Enabled || !givesPlatform(access.Assignments()) {
		return nil
	}
	return m.keepsAdministrator(ctx, snapshot, loss{identity: identity.ID})
}
