package replay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// stage is what a backup holds.
type stage struct {
	owner   directory.Identity
	secret  pat.Token  // expires in an hour
	mine    pat.Record // its record, a personal token
	shared  pat.Record // a token of the organization
	child   pat.Record // made by means of shared
	group   directory.Group
	parent  directory.Group // of group
	role    directory.ID    // an assignment to owner
	kid     string          // of the key that signs
	unknown string          // an id of nothing
}

func (w *world) stage() *stage {
	w.Helper()
	ctx, nobody := w.Context(), directory.Actor{}
	s := &stage{owner: w.person(), unknown: id.New()}
	expiry := w.clock.at.Add(time.Hour)
	s.secret, s.mine = w.token(&s.owner, pat.Personal, func(d *pat.Draft) { d.Expiration = expiry })
	_, s.shared = w.token(&s.owner, pat.Organization)
	var err error
	_, s.child, err = w.tokens.Create(ctx, &s.owner, &pat.Draft{Name: "child", Level: pat.Organization, LevelID: w.organization.ID},
		&w.organization.Policy, pat.Actor{Identity: s.owner.ID, Parent: &s.shared})
	require.NoError(w, err)
	s.group, err = w.people.CreateGroup(ctx, directory.Group{Organization: w.organization.ID, Name: "inner"}, nobody)
	require.NoError(w, err)
	s.parent, err = w.people.CreateGroup(ctx, directory.Group{Organization: w.organization.ID, Name: "outer", ChildGroups: []directory.ID{s.group.ID}}, nobody)
	require.NoError(w, err)
	require.NoError(w, w.people.Assign(ctx, w.organization.ID, directory.Assignment{
		Role: directory.AccessAsNonInteractiveUser, Scope: directory.OnOrganization, ScopeID: w.organization.ID, Holder: s.owner.ID,
	}, nobody))
	catalog, err := w.db.Catalog().Load(ctx)
	require.NoError(w, err)
	require.Len(w, catalog.Assignments, 1)
	s.role = catalog.Assignments[0].ID
	for _, key := range w.ring.List() {
		if key.State == keys.Active {
			s.kid = key.KID
		}
	}
	return s
}

// scenario is something done after the backup, and what is to become of it.
type scenario struct {
	do      func(w *world, s *stage)
	check   func(w *world, s *stage) // on the backup, after the replay
	applied names
	already names
	lost    names
}

func (c *scenario) run(t *testing.T) {
	t.Helper()
	w := newWorld(t)
	s := w.stage()
	w.step()
	from := w.clock.at
	restored := w.backup()
	before := *s
	c.do(w, s)
	events := w.events(from)
	require.NotEmpty(t, events)
	w.clock.at = w.clock.at.Add(time.Hour)

	report := restored.apply(events)
	c.check(restored, &before)
	counted := 0
	for _, counts := range []names{report.Applied, report.Already, report.Lost} {
		for _, n := range counts {
			counted += n
		}
	}
	require.Equal(t, len(events), counted, "each event counts once")
	if c.applied != nil || c.already != nil || c.lost != nil {
		for want, got := range map[*names]names{&c.applied: report.Applied, &c.already: report.Already, &c.lost: report.Lost} {
			if *want == nil {
				*want = names{}
			}
			require.Equal(t, *want, got)
		}
	}
	replayed := restored.events(from)
	for _, event := range replayed {
		require.Empty(t, event.Actor, event.Name)
		require.Empty(t, event.IP, event.Name)
		require.Equal(t, w.clock.at, event.Time, event.Name)
	}

	// Again, with what the first time added to the trail, and where it is true from the beginning.
	again := restored.apply(append(events, replayed...))
	require.Empty(t, again.Applied)
	require.Equal(t, replayed, restored.events(from), "nothing changes")
	c.check(restored, &before)
	own := w.apply(events)
	require.Empty(t, own.Applied)
	require.Equal(t, events, w.events(from), "nothing changes where all is so")
}
