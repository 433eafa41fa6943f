package cli

import (
	"errors"
	"net/http"
	"strings"

	"github.com/spf13/pflag"
)

// reference is what the API tells of a thing where it is mentioned only.
type reference struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// addOrganization registers --org.
func addOrganization(flags *pflag.FlagSet, organization *string) {
	flags.StringVar(organization, "org", "", "id or name of the organization (default: one's own)")
}

// organizationID returns the id of the organization of that id or name; of none,
// none: the API takes that for one's own.
func (c *call) organizationID(name string) (string, error) {
	if name == "" || isID(name) {
		return name, nil
	}
	_, all, err := organizationKind().pages(c, listing{}, organizationsPath, nil)
	if err != nil {
		return "", err
	}
	for i := range all {
		if all[i].Name == name {
			return all[i].ID, nil
		}
	}
	return "", none("organization", name, "cambio org list")
}

// organizationOrOwn is organizationID, but for one's own, which it asks for.
func (c *call) organizationOrOwn(name string) (string, error) {
	if name != "" {
		return c.organizationID(name)
	}
	m, _, err := c.whoAmI()
	if err != nil {
		return "", err
	}
	if !isID(m.Organization.ID) {
		return "", unreadableAnswer(errors.New("no organization"))
	}
	return m.Organization.ID, nil
}

// groupID returns the id of the group of that id or name.
func (c *call) groupID(name string) (string, error) {
	return c.lookUp(nameIn{noun: "group", path: groupsPath, field: "name", listing: "cambio group list"}, name)
}

// identityID returns the id of the identity of that id or username.
func (c *call) identityID(name string) (string, error) {
	return c.lookUp(nameIn{noun: "identity", path: identitiesPath, field: "username", listing: "cambio identity list"}, name)
}

// nameIn is where and by which field a thing is looked up.
type nameIn struct{ noun, path, field, listing string }

// lookUp returns the id of the one thing with that name. What has the form of an
// id is one: a name of that form is not found by it.
func (c *call) lookUp(in nameIn, name string) (string, error) {
	if isID(name) {
		return name, nil
	}
	l := listing{limited: true, limit: 2, uncounted: true, filters: in.field + " eq " + filterText(name)}
	a, err := c.send(request{method: http.MethodGet, path: in.path, query: l.query(nil, 0)})
	if err != nil {
		return "", err
	}
	var found []map[string]any
	if err := decode(a.body, &found); err != nil {
		return "", err
	}
	var ids []string
	for _, one := range found {
		// What is done to the wrong one cannot be undone: the name is held against
		// what was answered, too.
		id, _ := one["id"].(string)
		if called, _ := one[in.field].(string); strings.EqualFold(called, name) && isID(id) {
			ids = append(ids, id)
		}
	}
	switch len(ids) {
	case 0:
		return "", none(in.noun, name, in.listing)
	case 1:
		return ids[0], nil
	}
	return "", &Error{Code: "ambiguous", Cause: "there are several of the name " + quote(name) + ": " + strings.Join(ids, ", "), Fix: "name it by its id"}
}

// namesOf returns the names of references, or the ids of what is gone.
func namesOf(all []reference) string {
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = firstOf(one.Name, one.ID)
	}
	return strings.Join(names, ", ")
}
