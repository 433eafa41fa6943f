package cli

import (
	"net/http"

	"github.com/spf13/cobra"
)

// within is what a group has in it: identities, or other groups.
type within struct {
	nouns    string
	argument string // in the usage
	path     string // below the group
	id       func(c *call, name string) (string, error)
	list     func(c *call, l listing, path string) error
}

func (g group) newMembers() *cobra.Command {
	return g.newWithin("member", within{
		nouns: "identities", argument: "IDENTITY", path: "/members", id: (*call).identityID,
		list: func(c *call, l listing, path string) error { return identityKind().list(c, l, path, nil) },
	})
}

func (g group) newChildren() *cobra.Command {
	return g.newWithin("child", within{
		nouns: "groups", argument: "GROUP", path: "/children", id: (*call).groupID,
		list: func(c *call, l listing, path string) error { return groupKind().list(c, l, path, nil) },
	})
}

func (g group) newWithin(use string, w within) *cobra.Command {
	head := &cobra.Command{Use: use, Short: "Look at the " + w.nouns + " in a group, add and remove them"}
	g.under(head)
	head.AddCommand(g.withinList(w))
	head.AddCommand(g.withinChange(w, action{use: "add", short: "Put " + w.nouns + " into a group"}, http.MethodPut, "added "))
	head.AddCommand(g.withinChange(w, action{use: "remove", short: "Take " + w.nouns + " out of a group"}, http.MethodDelete, "removed "))
	return head
}

func (g group) withinList(w within) *cobra.Command {
	var l listing
	command := g.command(action{
		use: "list GROUP", short: "List the " + w.nouns + " that are in a group directly", min: 1, max: 1, formats: dataFormats(),
		run: func(c *call) error {
			path, err := c.groupPath(c.args[0])
			if err != nil {
				return err
			}
			return w.list(c, l, path+w.path)
		},
	})
	l.add(command)
	return command
}

// withinChange makes the command that does method to each thing named after the
// group. It asks nothing: what was done is undone as easily.
func (g group) withinChange(w within, a action, method, done string) *cobra.Command {
	verb := a.use
	a.use, a.min, a.max, a.formats = verb+" GROUP "+w.argument+"...", 2, anyNumber, dataFormats()
	a.long = a.short + ". Each is named by id or name; the rest are done even if one cannot be."
	a.run = func(c *call) error {
		path, err := c.groupPath(c.args[0])
		if err != nil {
			return err
		}
		_, failed := c.each(c.args[1:], func(name string) (answer, error) {
			id, err := w.id(c, name)
			if err != nil {
				return answer{}, err
			}
			return c.tell(request{method: method, path: path + w.path + "/" + id}, done+name)
		})
		return failed
	}
	return g.command(a)
}
