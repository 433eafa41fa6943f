package redis

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// tokenFields names the fields in which a token is read, in the order in which
// writeToken and readToken visit them. Each member that a script looks at or
// changes has its own; all others are packed into "record", as a use takes half
// the time with it. Of a token's hash there are besides "op", the event of the
// last change, by which a repeated command is recognised, and indexFields.
func tokenFields() []string {
	return []string{
		"current", "previous", "previous_until", "state", "expiration", "owner", "generation", "revision",
		"revoked_at", "revoked_by", "revoke_reason", "reversible", "record",
		"last_used", "last_seen", "old_uses",
	}
}

// indexFields names members that are packed and stand beside once more, for
// the scripts that keep the indexes.
func indexFields() []string {
	return []string{"organization", "level", "level_id", "name", "lineage"}
}

const (
	// digestFields is how many of tokenFields, the first ones, belong to a
	// pat.Verifier.
	digestFields = 3
	// usesFields is how many of them, the last ones, a use writes.
	usesFields = 3
	// packedTexts is how many texts packToken writes. A new one goes to the end.
	packedTexts = 17
)

// oldUse is a pat.OldUse as it is stored.
type oldUse struct {
	At    string `json:"at"` // Unix milliseconds
	IP    string `json:"ip"`
	Agent string `json:"agent"`
}

// writeToken returns the texts of tokenFields.
func writeToken(record *pat.Record) *writer {
	w := &writer{texts: make([]string, 0, 20)}
	writeDigest(w, record.Verifier.Current)
	writeDigest(w, record.Verifier.Previous)
	w.time(record.Verifier.PreviousUntil)
	w.text(string(record.State))
	w.time(record.Expiration)
	w.text(string(record.Owner))
	w.number(record.Generation)
	w.number(record.Revision)
	w.time(record.RevokedAt)
	w.text(string(record.RevokedBy))
	w.text(string(record.RevokeReason))
	w.flag(record.Reversible)
	w.text(packToken(record))
	w.time(record.LastUsed)
	w.time(record.LastSeen)
	list(w, storedUses(record.OldUses))
	return w
}

func packToken(record *pat.Record) string {
	w := &writer{texts: make([]string, 0, packedTexts)}
	w.text(string(record.Organization))
	w.text(string(record.Level))
	w.text(string(record.LevelID))
	w.text(record.Name)
	w.text(string(record.CreatedByPAT))
	w.text(record.Description)
	list(w, record.Scope)
	w.flag(record.AdminRole)
	list(w, record.Audience)
	list(w, record.Networks)
	w.flag(record.Managed)
	w.number(int64(record.AccessTokenLife))
	w.time(record.Created)
	w.text(string(record.CreatedBy))
	w.time(record.Modified)
	w.flag(record.NeverExpiresAcknowledged)
	list(w, record.Lineage)
	return w.pack()
}

// writeIndex returns the texts of indexFields.
func writeIndex(record *pat.Record) *writer {
	return &writer{texts: []string{
		string(record.Organization), string(record.Level), string(record.LevelID), record.Name, spaced(record.Lineage),
	}}
}

// spaced joins ids, as scripts can take them apart.
func spaced(ids []pat.ID) string {
	var out strings.Builder
	for _, one := range ids {
		out.WriteString(string(one) + " ")
	}
	return out.String()
}

func writeDigest(w *writer, digest pat.Digest) { w.text(digestText(&digest)) }

// digestText returns "<version>:<sum>", the sum as it is; nothing for a zero
// digest.
func digestText(digest *pat.Digest) string {
	if digest.IsZero() {
		return ""
	}
	var buf [64]byte
	text := append(strconv.AppendInt(buf[:0], int64(digest.Pepper), 10), ':')
	return string(append(text, digest.Sum[:]...))
}

func storedUses(uses []pat.OldUse) []oldUse {
	if uses == nil {
		return nil
	}
	out := make([]oldUse, 0, len(uses))
	for _, use := range uses {
		out = append(out, oldUse{At: strconv.FormatInt(use.At.UnixMilli(), 10), IP: use.IP, Agent: use.UserAgent})
	}
	return out
}

// readToken reads the token; false if there is none.
func readToken(token pat.ID, r *reader) (pat.Record, bool, error) {
	record := pat.Record{ID: token, Verifier: readVerifier(r), State: pat.State(r.text())}
	if record.State == "" {
		return pat.Record{}, false, r.err
	}
	record.Expiration = r.time()
	record.Owner = directory.ID(r.text())
	record.Generation = r.number()
	record.Revision = r.number()
	record.RevokedAt = r.time()
	record.RevokedBy = directory.ID(r.text())
	record.RevokeReason = pat.Reason(r.text())
	record.Reversible = r.flag()
	err := unpackToken(&record, r.text())
	record.LastUsed = r.time()
	record.LastSeen = r.time()
	record.OldUses = readUses(r)
	return record, true, cmp.Or(r.err, err)
}

func unpackToken(record *pat.Record, packed string) error {
	r := unpack(packed, packedTexts)
	record.Organization = directory.ID(r.text())
	record.Level = pat.Level(r.text())
	record.LevelID = directory.ID(r.text())
	record.Name = r.text()
	record.CreatedByPAT = pat.ID(r.text())
	record.Description = r.text()
	record.Scope = values[string](r)
	record.AdminRole = r.flag()
	record.Audience = values[string](r)
	record.Networks = values[netip.Prefix](r)
	record.Managed = r.flag()
	record.AccessTokenLife = time.Duration(r.number())
	record.Created = r.time()
	record.CreatedBy = directory.ID(r.text())
	record.Modified = r.time()
	record.NeverExpiresAcknowledged = r.flag()
	record.Lineage = values[pat.ID](r)
	return r.err
}

func readVerifier(r *reader) pat.Verifier {
	return pat.Verifier{Current: readDigest(r), Previous: readDigest(r), PreviousUntil: r.time()}
}

func readDigest(r *reader) pat.Digest {
	var out pat.Digest
	text := r.text()
	if text == "" {
		return out
	}
	version, sum, _ := strings.Cut(text, ":")
	var err error
	if out.Pepper, err = strconv.Atoi(version); err != nil || len(sum) != len(out.Sum) {
		r.err = errReply
	}
	copy(out.Sum[:], sum)
	return out
}

func readUses(r *reader) []pat.OldUse {
	text := r.text()
	if text == "" {
		return nil
	}
	var stored []oldUse
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		r.err = errReply
		return nil
	}
	out := make([]pat.OldUse, 0, len(stored))
	for _, use := range stored {
		at, err := strconv.ParseInt(use.At, 10, 64)
		if err != nil {
			r.err = errReply
		}
		out = append(out, pat.OldUse{At: time.UnixMilli(at).UTC(), IP: use.IP, UserAgent: use.Agent})
	}
	return out
}

// live returns the place of record among the tokens that may count in a limit:
// its expiry, or none at all.
func live(record *pat.Record) string {
	switch {
	case record.State != pat.StateActive || record.Managed:
		return ""
	case record.Expiration.IsZero():
		return "+inf"
	default:
		return millis(record.Expiration)
	}
}

// identityTexts is how many texts writeIdentity writes. A new one goes to the
// end.
const identityTexts = 15

// writeIdentity returns the fields of an identity's hash. It is packed into
// one, which a use reads at a quarter of the price of fifteen; besides there are
// those that scripts look at, and "op" as in a token's.
func writeIdentity(identity *directory.Identity) []any {
	w := &writer{texts: make([]string, 0, identityTexts)}
	w.text(string(identity.Organization))
	w.text(string(identity.Type))
	w.text(identity.Username)
	w.text(identity.DisplayName)
	w.text(identity.Email)
	w.text(identity.ExternalID)
	w.text(identity.Issuer)
	w.text(identity.Subject)
	w.flag(identity.Enabled)
	w.flag(identity.BuiltInAdministrator)
	w.time(identity.LastLogin)
	list(w, identity.Groups)
	w.time(identity.Created)
	w.time(identity.Modified)
	w.number(identity.Revision)
	return []any{"organization", string(identity.Organization), "revision", number(identity.Revision), "record", w.pack()}
}

// readIdentity reads the packed field of an identity; false if there is none.
func readIdentity(identity directory.ID, packed any) (directory.Identity, bool, error) {
	if packed == nil {
		return directory.Identity{}, false, nil
	}
	text, ok := packed.(string)
	if !ok {
		return directory.Identity{}, false, errReply
	}
	r := unpack(text, identityTexts)
	out := directory.Identity{ID: identity, Organization: directory.ID(r.text())}
	out.Type = directory.IdentityType(r.text())
	out.Username = r.text()
	out.DisplayName = r.text()
	out.Email = r.text()
	out.ExternalID = r.text()
	out.Issuer = r.text()
	out.Subject = r.text()
	out.Enabled = r.flag()
	out.BuiltInAdministrator = r.flag()
	out.LastLogin = r.time()
	out.Groups = values[directory.ID](r)
	out.Created = r.time()
	out.Modified = r.time()
	out.Revision = r.number()
	return out, true, r.err
}
