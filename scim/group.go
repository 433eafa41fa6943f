package scim

import (
	"strings"

	"github.com/cambio-sts/cambio/scim/filter"
)

const schemaGroup = "urn:ietf:params:scim:schemas:core:2.0:Group" // RFC 7643 §4.2

// groupDraft is what a request makes of a group.
type groupDraft struct {
	name    string
	members membership
}

// membership is who is to be a member and who is not, by id.
type membership struct {
	whole  bool     // nobody else is
	ids    []string // in the order in which they were named
	wanted map[string]bool
}

func (m *membership) set(id string, member bool) {
	if m.wanted == nil {
		m.wanted = map[string]bool{}
	}
	if _, named := m.wanted[id]; !named {
		m.ids = append(m.ids, id)
	}
	m.wanted[id] = member
}

// change applies operations in order.
func (d *groupDraft) change(operations []operation) error {
	for i := range operations {
		if err := d.apply(&operations[i]); err != nil {
			return err
		}
	}
	if strings.TrimSpace(d.name) == "" {
		return wrong(invalidValue, "displayName is needed")
	}
	return nil
}

func (d *groupDraft) apply(o *operation) error {
	switch name := o.name(schemaGroup); name {
	case "displayname":
		if o.verb == remove {
			return wrong(mutability, "displayName is needed")
		}
		return set(&d.name, "displayName", o)
	case "members":
		return d.members.apply(o)
	case "id", "meta", "schemas":
		return o.readOnly()
	default:
		if name == "" || o.listed || name == "externalid" { // of which nothing is kept
			return nil
		}
		return wrong(invalidPath, "there is no such attribute of a Group")
	}
}

func (m *membership) apply(o *operation) error {
	if o.sub() != "" || o.target.Where != nil && o.verb != remove {
		return wrong(mutability, "members are added and removed, not changed")
	}
	if o.target.Where != nil {
		return m.removeChosen(o.target.Where)
	}
	listed, err := objects("members", o.value)
	if err != nil {
		return err
	}
	if o.verb == replace || o.verb == remove && o.value == nil {
		*m = membership{whole: true}
	}
	for _, one := range listed {
		id, err := text("members.value", one["value"])
		if err != nil {
			return err
		}
		if id == "" {
			return wrong(invalidValue, "members.value is needed")
		}
		m.set(id, o.verb != remove)
	}
	return nil
}

// removeChosen removes the members of a filter such as value eq "…", or several of
// those joined by or.
func (m *membership) removeChosen(where filter.Expr) error {
	switch where := where.(type) {
	case *filter.Group:
		if where.Any {
			for _, term := range where.Terms {
				if err := m.removeChosen(term); err != nil {
					return err
				}
			}
			return nil
		}
	case *filter.Compare:
		if strings.EqualFold(where.Path.String(), "value") && where.Operator == filter.Equal && where.Value.Kind == filter.Text {
			m.set(where.Value.Text, false)
			return nil
		}
	}
	return wrong(invalidFilter, `choose members by value eq "…", joined by or`)
}
