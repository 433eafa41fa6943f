package bolt

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// The rows: what is kept of each thing, under which number. A number, once given
// to a member, keeps its meaning; a new member takes the next one, in place. The
// id of a thing is its key, not a member.

// verifierMembers are the head of a token's row.
func verifierMembers(w *wire, v *pat.Verifier) {
	w.digest(1, &v.Current)  // and 2
	w.digest(3, &v.Previous) // and 4
	w.moment(5, &v.PreviousUntil)
}

// verifierLen is at least the length of verifierMembers, in bytes: of each digest
// the version and the sum, and a time.
const verifierLen = 2*(1+binary.MaxVarintLen64+1+1+sha256.Size) + 1 + binary.MaxVarintLen64

func tokenMembers(w *wire, r *pat.Record) {
	verifierMembers(w, &r.Verifier)
	text(w, 6, &r.Organization)
	text(w, 7, &r.Owner)
	text(w, 8, &r.Name)
	text(w, 9, &r.Description)
	texts(w, 10, &r.Scope)
	text(w, 11, &r.Level)
	text(w, 12, &r.LevelID)
	w.flag(13, &r.AdminRole)
	texts(w, 14, &r.Audience)
	w.prefixes(15, &r.Networks)
	w.flag(16, &r.Managed)
	integer(w, 17, &r.AccessTokenLife) // nanoseconds
	w.moment(18, &r.Created)
	text(w, 19, &r.CreatedBy)
	text(w, 20, &r.CreatedByPAT)
	w.moment(21, &r.Modified)
	w.moment(22, &r.Expiration)
	w.flag(23, &r.NeverExpiresAcknowledged)
	w.moment(24, &r.LastUsed)
	w.moment(25, &r.LastSeen)
	text(w, 26, &r.State)
	w.moment(27, &r.RevokedAt)
	text(w, 28, &r.RevokedBy)
	text(w, 29, &r.RevokeReason)
	w.flag(30, &r.Reversible)
	integer(w, 31, &r.Generation)
	w.oldUses(32, &r.OldUses)
	integer(w, 33, &r.Revision)
	texts(w, 34, &r.Lineage)
}

// skipped are the members of a token's row that a query does not ask for and that take
// time to read: the lists.
func skipped(q *pat.Query) members {
	skip := members(1<<10 | 1<<14 | 1<<15 | 1<<34)
	switch {
	case q.Columns == 0:
		return 0
	case q.Columns.Has(pat.ColumnScope):
		skip &^= 1 << 10
	}
	if q.Ancestor != "" {
		skip &^= 1 << 34
	}
	return skip
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

func endedMembers(w *wire, e *pat.Ended) {
	text(w, 1, &e.Kind)
	text(w, 2, &e.ID)
	integer(w, 3, &e.Generation)
	w.moment(4, &e.At)
	text(w, 5, &e.Token)
	w.moment(6, &e.Expiry)
}

// decodeVerifier reads the verifier of a token's row and nothing behind it: it
// takes as long for a large token as for a small one.
func decodeVerifier(row []byte, verifier *pat.Verifier) error {
	w := wire{reading: true, in: string(row[:min(len(row), verifierLen)])}
	verifierMembers(&w, verifier)
	return w.err
}

// decodeToken and decodeIdentity are decode without its indirection, which puts
// the wire on the heap: they are on the path of every use.
func decodeToken(id pat.ID, row []byte, record *pat.Record) error {
	record.ID = id
	w := wire{reading: true, in: string(row)}
	tokenMembers(&w, record)
	return w.end()
}

// decodeColumns is decodeToken without some members, into a record that has its id.
func decodeColumns(row []byte, skip members, record *pat.Record) error {
	w := wire{reading: true, in: string(row), skip: skip}
	tokenMembers(&w, record)
	return w.end()
}

func decodeIdentity(id directory.ID, row []byte, identity *directory.Identity) error {
	identity.ID = id
	w := wire{reading: true, in: string(row)}
	identityMembers(&w, identity)
	return w.end()
}
