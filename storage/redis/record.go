package redis

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// tokenFields names the fields of a token's hash, in the order in which writeToken
// and readToken visit them. Each member that a script looks at or changes has its
// own; all others are packed into the record, as a use is quicker with few. There
// is "op" besides, the event of the last change, by which a repeated command is
// recognised.
//
// The server keeps a hash in one piece, of a third the size, while no value in it
// is longer than chunkLen: hence the record in chunks. It looks through the whole
// piece for a field that is not there: hence those that most tokens lack are asked
// for only where there are more fields than the others (all.inc.lua).
func tokenFields() []string { return slices.Concat(digestFields(), oftenFields(), seldomFields()) }

// digestFields are those of a pat.Verifier.
func digestFields() []string { return []string{"current", "previous", "previous_until"} }

// oftenFields are those that most tokens have.
func oftenFields() []string {
	return []string{"state", "expires", "owner", "name", "gen", "rev", "record", "record1", "last_used", "last_seen"}
}

// seldomFields are all others.
func seldomFields() []string {
	return []string{
		"level", "level_id", "lineage", "revoked_at", "revoked_by", "revoke_reason", "reversible", "record2", "record3", "old_uses",
	}
}

// endFields are those that say that a token has ended.
func endFields() []string {
	return []string{"state", "gen", "revoked_at", "revoked_by", "revoke_reason", "reversible"}
}

// useFields are those that a use writes.
func useFields() []string { return []string{"last_used", "last_seen", "old_uses"} }

const (
	// digestTexts is how many digestFields there are, oftenTexts with the oftenFields
	// behind them, tokenTexts all.
	digestTexts, oftenTexts, tokenTexts = 3, 13, 23
	// packedTexts is how many texts packToken writes. A new one goes to the end.
	packedTexts = 13

	chunkLen = 64 // bytes; hash-max-listpack-value of a server that nobody tuned
	chunks   = 4  // of a record; a longer one stands in the first whole
)

// oldUse is a pat.OldUse as it is stored.
type oldUse struct {
	At    string `json:"at"` // Unix milliseconds
	IP    string `json:"ip"`
	Agent string `json:"agent"`
}

// writeToken returns the texts of tokenFields.
func writeToken(record *pat.Record) *writer {
	w, packed := &writer{texts: make([]string, 0, 24)}, chunked(packToken(record))
	writeDigest(w, record.Verifier.Current)
	writeDigest(w, record.Verifier.Previous)
	w.time(record.Verifier.PreviousUntil)

	w.text(string(record.State))
	w.time(record.Expiration)
	w.text(string(record.Owner))
	w.text(record.Name)
	w.number(record.Generation)
	w.number(record.Revision)
	w.text(packed[0])
	w.text(packed[1])
	w.time(record.LastUsed)
	w.time(record.LastSeen)

	w.unless(string(record.Level), string(pat.Personal))
	w.text(string(record.LevelID))
	w.text(spaced(record.Lineage))
	w.time(record.RevokedAt)
	w.text(string(record.RevokedBy))
	w.text(string(record.RevokeReason))
	w.flag(record.Reversible)
	w.text(packed[2])
	w.text(packed[3])
	list(w, storedUses(record.OldUses))
	return w
}

func packToken(record *pat.Record) string {
	w := &writer{texts: make([]string, 0, packedTexts)}
	w.text(string(record.Organization)) // scripts read it at this place
	w.time(record.Created)
	list(w, record.Scope)
	w.text(record.Description)
	list(w, record.Audience)
	list(w, record.Networks)
	w.flag(record.AdminRole)
	w.flag(record.Managed)
	w.number(int64(record.AccessTokenLife))
	w.flag(record.NeverExpiresAcknowledged)
	w.time(record.Modified)
	w.unless(string(record.CreatedBy), string(record.Owner))
	w.text(string(record.CreatedByPAT))
	return w.pack()
}

// chunked parts a text into pieces of chunkLen; one that is too long is the first
// piece whole.
func chunked(text string) (out [chunks]string) {
	size := chunkLen
	if len(text) > chunks*chunkLen {
		size = len(text)
	}
	for i := range out {
		n := min(size, len(text))
		out[i], text = text[:n], text[n:]
	}
	return out
}

// spaced joins ids, as scripts can take them apart.
func spaced(ids []pat.ID) string {
	texts := make([]string, 0, len(ids))
	for _, one := range ids {
		texts = append(texts, string(one))
	}
	return strings.Join(texts, " ")
}

// unspaced reads what spaced wrote.
func unspaced(text string) []pat.ID {
	var ids []pat.ID
	for one := range strings.FieldsSeq(text) {
		ids = append(ids, pat.ID(one))
	}
	return ids
}

func writeDigest(w *writer, digest pat.Digest) { w.text(digestText(&digest)) }

// digestText returns "<version>:<sum>", the sum as it is; nothing for a zero
// digest.
func digestText(digest *pat.Digest) string {
	if digest.IsZero() {
		return ""
	}
	var buf [64]byte
	return string(appendDigest(buf[:0], digest))
}

func appendDigest(out []byte, digest *pat.Digest) []byte {
	out = append(strconv.AppendInt(out, int64(digest.Pepper), 10), ':')
	return append(out, digest.Sum[:]...)
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
	var record pat.Record
	ok, err := fillToken(&record, token, r)
	return record, ok, err
}

// fillToken is readToken into the memory given, which is zero.
func fillToken(record *pat.Record, token pat.ID, r *reader) (bool, error) {
	verifier, state := readVerifier(r), pat.State(r.text())
	if state == "" {
		return false, r.err
	}
	record.ID, record.Verifier, record.State = token, verifier, state
	record.Expiration = r.time()
	record.Owner = directory.ID(r.text())
	record.Name = r.text()
	record.Generation = r.number()
	record.Revision = r.number()
	packed := r.text() + r.text()
	record.LastUsed = r.time()
	record.LastSeen = r.time()

	record.Level = pat.Level(r.unless(string(pat.Personal)))
	record.LevelID = directory.ID(r.text())
	record.Lineage = unspaced(r.text())
	record.RevokedAt = r.time()
	record.RevokedBy = directory.ID(r.text())
	record.RevokeReason = pat.Reason(r.text())
	record.Reversible = r.flag()
	packed += r.text() + r.text()
	record.OldUses = readUses(r)
	return true, cmp.Or(r.err, unpackToken(record, packed))
}

func unpackToken(record *pat.Record, packed string) error {
	r := unpack(packed)
	record.Organization = directory.ID(r.text())
	record.Created = r.time()
	record.Scope = listed[string](r)
	record.Description = r.text()
	record.Audience = listed[string](r)
	record.Networks = values[netip.Prefix](r)
	record.AdminRole = r.flag()
	record.Managed = r.flag()
	record.AccessTokenLife = time.Duration(r.number())
	record.NeverExpiresAcknowledged = r.flag()
	record.Modified = r.time()
	record.CreatedBy = directory.ID(r.unless(string(record.Owner)))
	record.CreatedByPAT = pat.ID(r.text())
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
	list(w, identity.Groups) // scripts read it at this place
	w.time(identity.Created)
	w.time(identity.Modified)
	w.number(identity.Revision)
	return []any{"organization", string(identity.Organization), "rev", number(identity.Revision), "record", w.pack()} // scripts read the last
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
	out, err := unpackIdentity(identity, "", text)
	return out, err == nil, err
}

// unpackIdentity reads what writeIdentity packed. The organization is likely to be the one
// given.
func unpackIdentity(identity, organization directory.ID, text string) (directory.Identity, error) {
	r := unpack(text)
	out := directory.Identity{ID: identity, Organization: directory.ID(r.known(string(organization)))}
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
	out.Groups = listed[directory.ID](r)
	out.Created = r.time()
	out.Modified = r.time()
	out.Revision = r.number()
	return out, r.err
}
