package cli

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// each does something to every thing named, although it may fail for some, and
// returns the answers of those where it did not. It stops where no server is.
func (c *call) each(names []string, do func(name string) (answer, error)) (bodies [][]byte, failed error) {
	var first *Error
	var causes []string
	for _, name := range slices.Compact(names) {
		a, err := do(name)
		if err == nil {
			bodies = append(bodies, a.body)
			continue
		}
		e := asError(err)
		if first == nil {
			first = e
		}
		causes = append(causes, name+": "+e.Cause)
		if e.Exit != 0 {
			break
		}
	}
	if first == nil {
		return bodies, nil
	}
	if len(names) > 1 {
		whole := *first
		whole.Cause = fmt.Sprintf("%d of %d done; %s", len(bodies), len(names), strings.Join(causes, "; "))
		first = &whole
	}
	return bodies, first
}

// remove deletes what is at path, and tells a person what was done by it.
func (c *call) remove(path, done string) (answer, error) {
	return c.tell(request{method: http.MethodDelete, path: path}, done)
}

// tell sends r, and tells a person what was done by it: there is no data.
func (c *call) tell(r request, done string) (answer, error) {
	a, err := c.send(r)
	if err == nil {
		c.note("%s", done)
	}
	return a, err
}

// none says that something that is named does not exist. What else a command
// names is done nevertheless.
func none(noun, name, listing string) *Error {
	return &Error{
		Code: "not_found", Cause: "there is no " + noun + " " + quote(name) + " that you may see",
		Fix: "check its name or id: " + listing + " shows what there is",
	}
}
