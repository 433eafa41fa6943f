package console

import (
	"slices"
	"time"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage"
)

const keysPath = "/console/keys"

// keysPage is the signing keys.
type keysPage struct {
	Keys  []keyRow
	Lanes *ui.Lanes
}

// keyRow is a key in the list.
type keyRow struct {
	keys.Info

	Short  string
	Badge  badge
	Next   string // what becomes of it, and how soon
	Revoke string // where it is asked; empty: there is nothing to revoke
}

// shortKID is how much of a key's id tells it apart for people.
const shortKID = 8

// listKeys shows the keys and the times of their lives.
func (x *visit) listKeys() error {
	all, err := x.manager.Keys(x.caller)
	if err != nil {
		return err
	}
	shown := &keysPage{Lanes: &ui.Lanes{
		ID: "lives", Title: x.t("keys.lives"), Name: x.t("keys.key"), State: x.t("keys.state"), Ended: x.t("keys.revoked"),
		Kinds: []ui.LaneKind{{Kind: "wait", Text: x.t("keys.wait")}, {Kind: "use", Text: x.t("keys.use")}, {Kind: "rest", Text: x.t("keys.rest")}},
	}}
	for i := range all {
		row := x.keyRow(&all[i])
		shown.Keys = append(shown.Keys, row)
		shown.Lanes.Lanes = append(shown.Lanes.Lanes, ui.Lane{
			Label: row.Short + " · " + string(row.Alg), State: row.Badge.Text, Spans: keySpans(&all[i]), Ended: row.RevokedAt,
		})
	}
	slices.Reverse(shown.Keys) // the newest is what people look for
	return x.render("keys", x.t("nav.keys"), shown)
}

func (x *visit) keyRow(key *keys.Info) keyRow {
	row := keyRow{Info: *key, Short: key.KID[:min(shortKID, len(key.KID))], Badge: badge{"", x.view.Or("key."+string(key.State), string(key.State))}}
	switch key.State {
	case keys.Active:
		row.Badge.Tone, row.Next = "ok", x.t("keys.next.retires", x.view.Away(key.RetireFrom))
	case keys.Published:
		row.Badge.Tone, row.Next = "info", x.t("keys.next.signs", x.view.Away(key.ActiveFrom))
	case keys.Retiring:
		row.Badge.Tone, row.Next = "warn", x.t("keys.next.goes", x.view.Away(key.RemoveAfter))
	case keys.Revoked:
		row.Badge.Tone = "bad"
	case keys.Retired:
	}
	if key.State != keys.Revoked && key.State != keys.Retired {
		row.Revoke = keysPath + "/" + key.KID + "/revoke"
	}
	return row
}

// keySpans are the parts of a key's life, as far as it came.
func keySpans(key *keys.Info) []ui.Span {
	until := func(t time.Time) time.Time {
		if !key.RevokedAt.IsZero() && key.RevokedAt.Before(t) {
			return key.RevokedAt
		}
		return t
	}
	return []ui.Span{
		{Kind: "wait", From: key.Created, To: until(key.ActiveFrom)},
		{Kind: "use", From: key.ActiveFrom, To: until(key.RetireFrom)},
		{Kind: "rest", From: key.RetireFrom, To: until(key.RemoveAfter)},
	}
}

// rotateKeys brings the next key into use.
func (x *visit) rotateKeys() error {
	all, err := x.manager.Keys(x.caller)
	if err != nil {
		return err
	}
	form := &ask{Title: x.t("keys.rotate.title"), Submit: x.t("keys.rotate.submit"), Cancel: keysPath}
	for i := range all {
		if all[i].State == keys.Active {
			form.Consequences = append(form.Consequences, x.t("keys.rotate.active", x.keyRow(&all[i]).Short, string(all[i].Alg)))
		}
	}
	form.Consequences = append(form.Consequences, x.t("keys.rotate.next"), x.t("keys.rotate.kept"), x.t("keys.rotate.soon"))
	if !x.posted() {
		return x.ask(form)
	}
	if _, err := x.manager.RotateKeys(x.r.Context(), x.caller); err != nil {
		return x.again(form, err)
	}
	return x.done(keysPath, "keys_rotated")
}

// revokeKey ends a key at once.
func (x *visit) revokeKey() error {
	all, err := x.manager.Keys(x.caller)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(key keys.Info) bool { return key.KID == x.id() })
	if at < 0 {
		return manage.ErrNotFound
	}
	form := &ask{
		Title: x.t("keys.revoke.title", x.keyRow(&all[at]).Short), Lead: x.t("keys.revoke.lead"), Consequences: x.lossOf(&all[at], all),
		Submit: x.t("keys.revoke.submit"), Danger: true, Cancel: keysPath,
	}
	if !x.posted() {
		return x.ask(form)
	}
	if _, err := x.manager.RevokeKey(x.r.Context(), x.caller, x.id()); err != nil {
		return x.again(form, err)
	}
	return x.done(keysPath, "key_revoked")
}

// lossOf says what revoking a key means in the state that it is in.
func (x *visit) lossOf(key *keys.Info, all []keys.Info) []string {
	said := []string{x.t("keys.revoke.jwks")}
	switch key.State {
	case keys.Published:
		return append(said, x.t("keys.revoke.unused"), x.t("keys.revoke.replaced"), x.t("keys.revoke.final"))
	case keys.Active:
		said = append(said, x.t("keys.revoke.jwts"), x.t("keys.revoke.elsewhere"))
		next := slices.IndexFunc(all, func(other keys.Info) bool { return other.Alg == key.Alg && other.State == keys.Published })
		if next >= 0 {
			said = append(said, x.t("keys.revoke.promoted", x.keyRow(&all[next]).Short))
		} else {
			said = append(said, x.t("keys.revoke.new"))
		}
	case keys.Retiring:
		said = append(said, x.t("keys.revoke.late", x.view.TimeText(key.RemoveAfter)), x.t("keys.revoke.elsewhere"))
	case keys.Retired, keys.Revoked:
		return []string{x.t("keys.revoke.already")}
	}
	return append(said, x.t("keys.revoke.final"))
}
