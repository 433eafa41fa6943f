package api

import (
	"net/http"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// GetMe answers with who acts, and what they may do.
func (s server) GetMe(w http.ResponseWriter, r *http.Request) {
	me, err := s.manager.Me(r.Context(), callerFrom(r.Context()))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	write(w, http.StatusOK, typeJSON, s.showMe(me))
}

func (s server) showMe(me *manage.Me) Me {
	shown := Me{
		Identity: showIdentity(me.Identity), Organization: named(me.Organization), Scope: append([]string{}, me.Scope...), Groups: shownAll(me.Groups, named),
		Roles: shownAll(me.Roles, func(held directory.Assignment) HeldRole {
			return HeldRole{Role: string(held.Role), Scope: held.Scope, ScopeID: textPointer(string(held.ScopeID))}
		}),
		Rights: shownAll(me.Rights, func(right directory.Right) string { return string(right) }), InactiveAt: instantOrNull(me.InactiveAt),
		MayCreateTokens: me.MayCreateTokens, UsableTokens: me.UsableTokens, MaxTokens: me.MaxTokens,
	}
	if me.Token != nil {
		shown.Token = new(named(*me.Token))
	}
	if days, ever := me.DaysToInactivity(s.now()); ever {
		shown.DaysToInactivity = &days
	}
	return shown
}

func named(reference manage.Reference) Reference {
	return Reference{ID: string(reference.ID), Name: textPointer(reference.Name)}
}
