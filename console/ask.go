package console

import (
	"net/http"

	"github.com/cambio-sts/cambio/console/ui"
)

// ask is a page with a form: it says what will be done, and with which consequences.
type ask struct {
	Title        string
	Lead         string
	Consequences []string // what it means; shown as a list
	Inputs       []*ui.Input
	Submit       string // text of the button
	Danger       bool   // it cannot be undone
	Cancel       string // where to go instead
	Problems     []string
}

// ask shows the form.
func (x *visit) ask(form *ask) error { return x.askAs(http.StatusOK, form) }

func (x *visit) askAs(status int, form *ask) error {
	return x.renderAs(status, "ask", form.Title, form)
}

// again shows the form once more with what was entered and what is wrong with it. An
// error that no other entry would mend is returned.
func (x *visit) again(form *ask, err error) error {
	status, causes, mendable := x.mend(err)
	if !mendable {
		return err
	}
	for _, in := range form.Inputs {
		if x.r.PostForm.Has(in.Name) || in.Kind == kindCheckbox {
			enter(in, x.r.PostForm.Get(in.Name))
		}
	}
	form.Problems = blame(form.Inputs, causes)
	return x.askAs(status, form)
}

// The kinds of ui.Input.
const (
	kindText     = "text"
	kindTextArea = "textarea"
	kindNumber   = "number"
	kindDate     = "date"
	kindSelect   = "select"
	kindCheckbox = "checkbox"
	kindHidden   = "hidden"
)

// enter puts into a field what somebody entered.
func enter(in *ui.Input, value string) {
	switch in.Kind {
	case kindCheckbox:
		in.Checked = value != ""
	case kindSelect:
		for i := range in.Options {
			in.Options[i].Selected = in.Options[i].Value == value
		}
	default:
		in.Value = value
	}
}

// blame tells each cause at its field, and returns those that have none here.
func blame(inputs []*ui.Input, causes []cause) (others []string) {
	for _, one := range causes {
		told := false
		for _, in := range inputs {
			if in.Name == one.Field && in.Kind != kindHidden {
				in.Error, told = one.Text, true
			}
		}
		if !told {
			others = append(others, one.text())
		}
	}
	return others
}
