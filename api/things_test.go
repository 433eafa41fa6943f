package api_test

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// things are what requests are about. One is made when a request needs it, and serves
// until one succeeds that may have changed it.
type things struct {
	*world

	somebody directory.Identity // who is no principal
	home     directory.ID       // the group of those who have one
	admins   []directory.ID     // who administer each group
	made     map[string]string
}

func newThings(w *world) *things {
	w.Helper()
	return &things{
		world: w, somebody: w.newIdentity(w.organization.ID, "somebody"), home: w.group().ID, made: map[string]string{},
	}
}

// makers of the things that are not there from the start.
func (t *things) makers(who *principal) map[string]func() string {
	token := func(owner *directory.Identity, change ...func(*pat.Draft)) string {
		record, _ := t.token(owner, t.fresh(), change...)
		return string(record.ID)
	}
	return map[string]func() string{
		"{id}":      func() string { return token(&t.somebody) },
		"{managed}": func() string { return token(&t.somebody, func(d *pat.Draft) { d.Managed = true }) },
		"{own}": func() string {
			switch who.of {
			case "":
				return token(cmp.Or(who.identity, &t.somebody))
			case t.home:
				return token(who.identity, func(d *pat.Draft) { d.Level, d.LevelID = pat.Group, who.of })
			default:
				return token(who.identity, func(d *pat.Draft) { d.Level, d.LevelID = pat.Organization, who.of })
			}
		},
		"{group}":  t.groupWithAdmins,
		"{spare}":  func() string { return string(t.group().ID) },
		"{person}": func() string { return string(t.newIdentity(t.organization.ID, t.fresh()).ID) },
		"{assignment}": func() string {
			made, err := t.people.AddAssignment(t.Context(), t.organization.ID, directory.Assignment{
				Role: directory.OrganizationUser, Scope: directory.OnOrganization, ScopeID: t.organization.ID, Holder: t.group().ID,
			}, directory.Actor{})
			require.NoError(t, err)
			return string(made.ID)
		},
		"{orgtoken}":            func() string { return t.levelToken(pat.Organization, t.organization.ID) },
		"{disabled orgtoken}":   func() string { return t.disabledToken(pat.Organization, t.organization.ID) },
		"{grouptoken}":          func() string { return t.levelToken(pat.Group, directory.ID(t.thing(who, "{group}"))) },
		"{disabled grouptoken}": func() string { return t.disabledToken(pat.Group, directory.ID(t.thing(who, "{group}"))) },
	}
}

func (t *things) groupWithAdmins() string {
	t.Helper()
	group := t.group()
	for _, admin := range t.admins {
		t.assignOn(group.ID, admin, directory.GroupAdmin)
	}
	return string(group.ID)
}

// thing returns the thing of a name, as who means it.
func (t *things) thing(who *principal, name string) string {
	t.Helper()
	switch name {
	case "{new}":
		return t.fresh()
	case "{kid}":
		return "unknown"
	case "{owner}":
		return string(t.somebody.ID)
	case "{bob}":
		return string(t.bob.ID)
	case "{org}":
		return string(t.organization.ID)
	}
	if name == "{group}" && who.home {
		return string(t.home)
	}
	key := t.key(who, name)
	if t.made[key] == "" {
		t.made[key] = t.makers(who)[name]()
	}
	return t.made[key]
}

func (t *things) key(who *principal, name string) string {
	switch {
	case name == "{own}" && who.identity != nil:
		return name + string(who.identity.ID)
	case who.home:
		return name + " at home"
	default:
		return name
	}
}

// named lists the names of things in texts.
func (t *things) named(who *principal, texts ...string) []string {
	var named []string
	for _, name := range append(slices.Sorted(maps.Keys(t.makers(who))), "{new}", "{kid}", "{owner}", "{bob}", "{org}") {
		if strings.Contains(strings.Join(texts, " "), name) {
			named = append(named, name)
		}
	}
	return named
}

// fill puts ids in place of names.
func (t *things) fill(who *principal, texts ...string) []string {
	t.Helper()
	var pairs []string
	for _, name := range t.named(who, texts...) {
		pairs = append(pairs, name, t.thing(who, name))
	}
	filled := make([]string, len(texts))
	for i, text := range texts {
		filled[i] = strings.NewReplacer(pairs...).Replace(text)
	}
	return filled
}

// spend says that a request may have changed the things that it names.
func (t *things) spend(who *principal, texts ...string) {
	for _, name := range t.named(who, texts...) {
		delete(t.made, t.key(who, name))
		if name == "{group}" { // its tokens may have ended with it
			delete(t.made, t.key(who, "{grouptoken}"))
			delete(t.made, t.key(who, "{disabled grouptoken}"))
		}
	}
}

// fresh is a name that nothing has.
func (w *world) fresh() string { return "fresh-" + string(pat.NewID(w.alice.ID)) }

func (w *world) group() directory.Group {
	w.Helper()
	var group directory.Group
	w.steady(func() (err error) {
		group, err = w.people.CreateGroup(w.Context(), directory.Group{Organization: w.organization.ID, Name: w.fresh()}, directory.Actor{})
		return err
	})
	return group
}

// assignOn gives a role on a group.
func (w *world) assignOn(group, holder directory.ID, role directory.Role) {
	w.Helper()
	w.steady(func() error {
		return w.people.Assign(w.Context(), w.organization.ID, directory.Assignment{
			Role: role, Scope: directory.OnGroup, ScopeID: group, Holder: holder,
		}, directory.Actor{})
	})
}

// levelToken makes a token of an organization or a group with its technical user.
func (w *world) levelToken(level pat.Level, of directory.ID) string {
	w.Helper()
	var owner directory.Identity
	w.steady(func() (err error) {
		owner, err = w.people.CreateIdentity(w.Context(), directory.Identity{
			ID: directory.ID(id.NewIn(string(of))), Organization: w.organization.ID, Type: directory.TechnicalUser, Username: w.fresh(), Enabled: true,
		}, directory.Actor{})
		return err
	})
	record, _ := w.token(&owner, w.fresh(), func(d *pat.Draft) { d.Level, d.LevelID = level, of })
	return string(record.ID)
}

// disabledToken makes one that can be re-enabled.
func (w *world) disabledToken(level pat.Level, of directory.ID) string {
	w.Helper()
	record := w.stored(pat.ID(w.levelToken(level, of)))
	_, _, err := w.tokens.Revoke(w.Context(), &record, pat.End{Reversible: true}, pat.Actor{Identity: w.alice.ID})
	require.NoError(w, err)
	return string(record.ID)
}

// levelPath is where the tokens of an organization or a group are.
func levelPath(level pat.Level, of directory.ID) string {
	if level == pat.Group {
		return "/api/v1/groups/" + string(of) + "/access-tokens"
	}
	return "/api/v1/organizations/" + string(of) + "/access-tokens"
}

// makeLevelToken has the API make a token of an organization or a group.
func (w *world) makeLevelToken(by string, level pat.Level, of directory.ID, body string) *answer {
	w.Helper()
	made := w.call(by, http.MethodPost, levelPath(level, of), body)
	require.Equal(w, http.StatusOK, made.StatusCode, string(made.body))
	return made
}
