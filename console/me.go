package console

import (
	"cmp"
	"slices"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// accessPages tell people about themselves.
func accessPages() map[string]page {
	return map[string]page{"me": {get: (*visit).me}}
}

// mePage is who somebody is and what they may do.
type mePage struct {
	*manage.Me

	Badge       badge
	DaysLeft    int
	Inactivates bool // it can come to that
	LittleTime  bool
	Memberships []named
	Held        []held
	Rights      []described
	Tiles       []ui.NavLink
}

// held is a role and where it is held.
type held struct {
	Role, About, Where string
}

// described is a name with what it means.
type described struct{ Name, About string }

// littleTime is how few days to inactivity are worth a warning.
const littleTime = 14

// me shows who is signed in and what they may do.
func (x *visit) me() error {
	me, err := x.manager.Me(x.r.Context(), x.caller)
	if err != nil {
		return err
	}
	shown := &mePage{Me: me, Badge: personBadge(x.view, me.Identity.Status)}
	for _, group := range me.Groups {
		shown.Memberships = append(shown.Memberships, x.groupNamed(group.ID, group.Name))
	}
	shown.DaysLeft, shown.Inactivates = me.DaysToInactivity(x.now())
	shown.LittleTime = shown.Inactivates && shown.DaysLeft <= littleTime
	for i := range me.Roles {
		role := &me.Roles[i]
		shown.Held = append(shown.Held, held{string(role.Role), x.about(string(role.Role)), x.where(role.Scope, me.ScopeNames[role.ScopeID])})
	}
	slices.SortFunc(shown.Held, func(a, b held) int { return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Where, b.Where)) })
	for _, right := range me.Rights {
		shown.Rights = append(shown.Rights, described{string(right), x.about(string(right))})
	}
	for _, group := range x.view.Nav {
		if group.Title == "" {
			continue // what everyone has
		}
		shown.Tiles = append(shown.Tiles, group.Links...)
	}
	return x.render("me", x.t("me.title"), shown)
}

// about says what a role or a right gives.
func (x *visit) about(name string) string { return x.view.Or("role."+name, "") }

// where says in what something is held.
func (x *visit) where(scope directory.ScopeKind, name string) string {
	switch {
	case scope == directory.OnPlatform:
		return x.t("scope.platform")
	case name == "":
		return x.t("scope.gone")
	case scope == directory.OnGroup:
		return x.t("scope.group", name)
	default:
		return x.t("scope.organization", name)
	}
}

// personBadge is the status of an identity.
func personBadge(v *ui.View, status directory.Status) badge {
	look := ownerTone(status)
	if status == directory.Active {
		look = "ok"
	}
	return badge{look, v.Or("person."+string(status), string(status))}
}
