package bolt

import (
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// The rows: what is kept of each thing, under which number. A number, once given
// to a member, keeps its meaning; a new member takes the next one, in place. The
// id of a thing is its key, not a member.

func tokenMembers(w *wire, r *pat.Record) {
	text(w, 1, &r.Organization)
	text(w, 2, &r.Owner)
	text(w, 3, &r.Name)
	text(w, 4, &r.Description)
	texts(w, 5, &r.Scope)
	text(w, 6, &r.Level)
	text(w, 7, &r.LevelID)
	w.flag(8, &r.AdminRole)
	texts(w, 9, &r.Audience)
	w.prefixes(10, &r.Networks)
	w.flag(11, &r.Managed)
	integer(w, 12, &r.AccessTokenLife) // nanoseconds
	w.moment(13, &r.Created)
	text(w, 14, &r.CreatedBy)
	text(w, 15, &r.CreatedByPAT)
	w.moment(16, &r.Modified)
	w.moment(17, &r.Expiration)
	w.flag(18, &r.NeverExpiresAcknowledged)
	w.moment(19, &r.LastUsed)
	w.moment(20, &r.LastSeen)
	text(w, 21, &r.State)
	w.moment(22, &r.RevokedAt)
	text(w, 23, &r.RevokedBy)
	text(w, 24, &r.RevokeReason)
	w.flag(25, &r.Reversible)
	integer(w, 26, &r.Generation)
	w.digest(27, &r.Verifier.Current)  // and 28
	w.digest(29, &r.Verifier.Previous) // and 30
	w.moment(31, &r.Verifier.PreviousUntil)
	w.oldUses(32, &r.OldUses)
	integer(w, 33, &r.Revision)
}

func identityMembers(w *wire, i *directory.Identity) {
	text(w, 1, &i.Organization)
	text(w, 2, &i.Type)
	text(w, 3, &i.Username)
	text(w, 4, &i.DisplayName)
	text(w, 5, &i.Email)
	text(w, 6, &i.ExternalID)
	text(w, 7, &i.Issuer)
	text(w, 8, &i.Subject)
	w.flag(9, &i.Enabled)
	w.flag(10, &i.BuiltInAdministrator)
	w.moment(11, &i.LastLogin)
	texts(w, 12, &i.Groups)
	w.moment(13, &i.Created)
	w.moment(14, &i.Modified)
	integer(w, 15, &i.Revision)
}

func organizationMembers(w *wire, o *directory.Organization) {
	text(w, 1, &o.Name)
	w.moment(2, &o.Created)
	w.optional(3, &o.Policy.DefaultLifetimeSeconds)
	integer(w, 4, &o.Policy.MaxLifetimeSeconds)
	w.flag(5, &o.Policy.AllowNeverExpire)
	w.flag(6, &o.Policy.RequireNeverExpireAcknowledgement)
	w.flag(7, &o.Policy.EnforceOnExisting)
	integer(w, 8, &o.Policy.MaxTokensPerOwner)
	texts(w, 9, &o.Policy.DefaultScopes)
	integer(w, 10, &o.Policy.DefaultAccessTokenSeconds)
	integer(w, 11, &o.Policy.MaxAccessTokenSeconds)
	integer(w, 12, &o.Policy.LogonInactivityDays)
	integer(w, 13, &o.Policy.UnusedRevokeDays)
	texts(w, 14, &o.Policy.AllowedNetworks)
}

func groupMembers(w *wire, g *directory.Group) {
	text(w, 1, &g.Organization)
	text(w, 2, &g.Name)
	text(w, 3, &g.Description)
	texts(w, 4, &g.ChildGroups)
}

func assignmentMembers(w *wire, a *directory.Assignment) {
	text(w, 1, &a.Role)
	texts(w, 2, &a.Rights)
	text(w, 3, &a.Scope)
	text(w, 4, &a.ScopeID)
	text(w, 5, &a.Holder)
}

// decodeToken and decodeIdentity are decode without its indirection, which puts
// the wire on the heap: they are on the path of every use.
func decodeToken(id pat.ID, row []byte, record *pat.Record) error {
	record.ID = id
	w := wire{reading: true, in: string(row)}
	tokenMembers(&w, record)
	return w.end()
}

func decodeIdentity(id directory.ID, row []byte, identity *directory.Identity) error {
	identity.ID = id
	w := wire{reading: true, in: string(row)}
	identityMembers(&w, identity)
	return w.end()
}
