package ui

import "strings"

// Input is a field of a form as it is shown: with what was entered, and what is wrong
// with that.
type Input struct {
	Name  string // in the form; also its id
	Kind  string // text, textarea, number, date, select, checkbox, hidden
	Label string // a text, not its name
	Hint  string // below it; empty: none
	Value string
	Error string // what is wrong with it; empty: nothing

	Required  bool
	Bare      bool // the label does not say that it may be left empty
	Checked   bool
	Autofocus bool
	Max       int // characters; 0: any
	Least     string
	Most      string
	Options   []Option
	Complete  string // autocomplete; empty: off
}

// Option is one of the values of a select.
type Option struct {
	Value, Text string
	Selected    bool
}

// Describes is the value of aria-describedby.
func (in *Input) Describes() string {
	var ids []string
	if in.Hint != "" {
		ids = append(ids, in.Name+"-hint")
	}
	if in.Error != "" {
		ids = append(ids, in.Name+"-error")
	}
	return strings.Join(ids, " ")
}
