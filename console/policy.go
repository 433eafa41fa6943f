package console

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

const policyPath = "/console/policy"

// policyForm is the policy of the reader's organization, as a form.
type policyForm struct {
	Groups   []policyGroup
	Problems []string
	Stale    bool   // somebody else saved another policy meanwhile
	ETag     string // of the policy that the form began with
	From     string // the reader's own address
	Preview  *policyPreview
	Saved    bool
	Ended    int // tokens that end earlier by what was saved
}

// policyGroup is members of a policy that belong together.
type policyGroup struct {
	Name   string
	Fields []policyField
}

// policyField is a member of a policy. Units are those of a span of time; nil: it is none.
type policyField struct {
	*ui.Input

	Units []ui.Option
}

// policyPreview is what a policy would change.
type policyPreview struct {
	ETag    string // of the policy that was looked at
	Another bool   // it is not the one that was to be saved
	Changes []policyChange
	Ends    []policyEnd
	List    *ui.List
}

// policyChange is a member that would be another.
type policyChange struct{ Label, Before, After string }

// policyEnd is a token that would end earlier.
type policyEnd struct {
	*manage.PolicyEnd

	Path string // empty: the reader may not open it
	Now  bool   // it would end at once
}

// policy shows the policy, tells what another one would do, and saves it.
func (x *visit) policy() error {
	now, etag, err := x.manager.Policy(x.r.Context(), x.caller, string(x.caller.Identity.Organization))
	if err != nil {
		return err
	}
	form := x.policyForm(&now)
	if x.posted() {
		return x.setPolicy(form, &now)
	}
	form.ETag = etag
	form.Ended, err = strconv.Atoi(x.query("saved"))
	form.Saved = err == nil && form.Ended >= 0 && x.fromHere()
	return x.render("policy", x.t("nav.policy"), form)
}

// setPolicy saves what was entered if it is what was looked at before, and else tells
// what it would do.
func (x *visit) setPolicy(form *policyForm, now *directory.Policy) error {
	form.ETag = x.field("etag")
	for _, field := range form.fields() {
		x.enterPolicy(field)
	}
	draft, causes := x.readPolicy(now)
	if len(causes) > 0 {
		return x.policyAgain(form, http.StatusBadRequest, causes)
	}
	looked := (&manage.PolicyChange{Policy: draft}).ETag() == x.field("previewed")
	wanted := x.field("do") == "save"
	ask := &manage.Ask{Limit: ui.PageSize, Offset: offset(x.field("offset")), Count: true}
	same := func(etag string) bool { return etag == form.ETag }
	change, err := x.manager.SetPolicy(
		x.r.Context(), x.caller, string(x.caller.Identity.Organization), same, !wanted || !looked, manage.Given(draft), manage.Given(ask),
	)
	switch {
	case err != nil:
		status, causes, mendable := x.mend(err)
		if !mendable {
			return err
		}
		return x.policyAgain(form, status, causes)
	case change.Applied:
		return x.redirect(policyPath + "?saved=" + strconv.Itoa(change.Ends.Total))
	}
	form.Preview = x.policyPreview(now, change, ask.Offset)
	form.Preview.Another = wanted
	return x.render("policy", x.t("nav.policy"), form)
}

func (x *visit) policyAgain(form *policyForm, status int, causes []cause) error {
	var inputs []*ui.Input
	for _, field := range form.fields() {
		inputs = append(inputs, field.Input)
	}
	form.Stale = status == http.StatusPreconditionFailed
	if !form.Stale {
		form.Problems = blame(inputs, causes)
	}
	return x.renderAs(status, "policy", x.t("nav.policy"), form)
}

func (f *policyForm) fields() []policyField {
	var all []policyField
	for _, group := range f.Groups {
		all = append(all, group.Fields...)
	}
	return all
}

// policyForm is the form of a policy.
func (x *visit) policyForm(policy *directory.Policy) *policyForm {
	form := &policyForm{From: x.caller.Origin.IP}
	for i := range policyMembers {
		member := &policyMembers[i]
		if len(form.Groups) == 0 || form.Groups[len(form.Groups)-1].Name != member.group {
			form.Groups = append(form.Groups, policyGroup{Name: member.group})
		}
		last := &form.Groups[len(form.Groups)-1]
		last.Fields = append(last.Fields, x.policyField(member, member.get(policy)))
	}
	return form
}

func (x *visit) policyField(member *policyMember, value string) policyField {
	field := policyField{Input: &ui.Input{
		Name: member.name, Kind: member.kind, Label: x.t("policy." + member.name), Hint: x.view.Or("policy."+member.name+".hint", ""), Value: value, Bare: true,
	}}
	switch member.kind {
	case kindCheckbox:
		field.Checked = value != ""
	case kindSpan:
		field.Kind, field.Least = kindNumber, "1"
		seconds, _ := strconv.ParseInt(value, 10, 64) // none is empty
		n, unit := largest(seconds)
		if value != "" {
			field.Value = strconv.FormatInt(n, 10)
		}
		for _, one := range timeUnits {
			field.Units = append(field.Units, ui.Option{Value: one.name, Text: x.t("unit." + one.name), Selected: one.name == unit || value == "" && one.name == "days"})
		}
	case kindNumber:
		field.Least, field.Required = "0", true
	}
	return field
}

// enterPolicy puts into a field what was entered.
func (x *visit) enterPolicy(field policyField) {
	enter(field.Input, x.r.PostForm.Get(field.Name))
	for i := range field.Units {
		field.Units[i].Selected = field.Units[i].Value == x.field(field.Name+"Unit")
	}
}

// readPolicy reads the form over the policy that there is.
func (x *visit) readPolicy(now *directory.Policy) (policy directory.Policy, causes []cause) {
	policy = *now
	for i := range policyMembers {
		member := &policyMembers[i]
		value, err := x.policyValue(member)
		if err == nil {
			err = member.set(&policy, value)
		}
		if err != nil {
			causes = append(causes, cause{Field: member.name, Text: x.t("policy.number.wrong")})
		}
	}
	return policy, causes
}

// policyValue is what was entered for a member, as its get would tell it.
func (x *visit) policyValue(member *policyMember) (string, error) {
	switch member.kind {
	case kindTextArea:
		return strings.Join(x.lines(member.name), "\n"), nil
	case kindSpan:
		seconds, err := spanOf(x.field(member.name), x.field(member.name+"Unit"))
		if err != nil || seconds == 0 {
			return "", err
		}
		return strconv.FormatInt(seconds, 10), nil
	default:
		return x.field(member.name), nil
	}
}

// policyPreview tells what the policy would change.
func (x *visit) policyPreview(now *directory.Policy, change *manage.PolicyChange, offset int) *policyPreview {
	preview := &policyPreview{
		ETag: change.ETag(), List: &ui.List{Path: policyPath, Offset: offset, Shown: len(change.Ends.Entries), Total: change.Ends.Total},
	}
	for i := range policyMembers {
		member := &policyMembers[i]
		if before, after := member.get(now), member.get(&change.Policy); before != after {
			preview.Changes = append(preview.Changes, policyChange{x.t("policy." + member.name), x.policyText(member, before), x.policyText(member, after)})
		}
	}
	for i := range change.Ends.Entries {
		end := policyEnd{PolicyEnd: &change.Ends.Entries[i]}
		end.Now = !end.At.After(x.now())
		if end.Record.Level == pat.Personal && x.caller.May(directory.ReadAllTokens) {
			end.Path = "/console/tokens/" + string(end.Record.ID)
		}
		preview.Ends = append(preview.Ends, end)
	}
	return preview
}

// policyText tells the value of a member in words.
func (x *visit) policyText(member *policyMember, value string) string {
	switch {
	case value == "" || value == "0" && x.view.Has("policy."+member.name+".none"):
		return x.t("policy." + member.name + ".none")
	case member.kind == kindCheckbox:
		return x.t("policy.yes")
	case member.kind == kindTextArea:
		return ui.Words(strings.Split(value, "\n"))
	}
	n, _ := strconv.ParseInt(value, 10, 64) // get told it
	if member.kind == kindSpan {
		return x.span(time.Duration(n) * time.Second)
	}
	return x.view.Number(int(n))
}

// PreviousOffset and NextOffset are where the pages before and after begin.
func (p *policyPreview) PreviousOffset() int { return max(0, p.List.Offset-ui.PageSize) }

// NextOffset is where the page after begins.
func (p *policyPreview) NextOffset() int { return p.List.Offset + ui.PageSize }

// Unchanged reports whether there is nothing to save.
func (p *policyPreview) Unchanged() bool { return len(p.Changes) == 0 }

// linesOf is texts one a line.
func linesOf(texts []string) string { return strings.Join(texts, "\n") }
