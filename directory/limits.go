package directory

const (
	// MaxGroups bounds the groups of an organization.
	MaxGroups = 10_000
	// MaxAssignments bounds the role assignments in an organization, those of technical
	// users too.
	MaxAssignments = 20_000
)

// groupsFull reports whether an organization has as many groups as it may.
func (s *Snapshot) groupsFull(organization ID) bool {
	count := 0
	for _, group := range s.groups {
		if group.Organization == organization {
			count++
		}
	}
	return count >= MaxGroups
}

// assignmentsFull reports whether there are as many assignments in an organization,
// or on its groups, as it may have; never for the platform.
func (s *Snapshot) assignmentsFull(organization ID) bool {
	count := 0
	for _, held := range s.held {
		for i := range held {
			of := held[i].ScopeID
			if group, ok := s.groups[of]; ok && held[i].Scope == OnGroup {
				of = group.Organization
			}
			if of == organization {
				count++
			}
		}
	}
	return count >= MaxAssignments
}
