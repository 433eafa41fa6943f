package scim

import (
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/scim/filter"
)

// verb is what an operation does (RFC 7644 §3.5.2).
type verb string

const (
	add     verb = "add"
	replace verb = "replace"
	remove  verb = "remove"
)

// operation changes one attribute.
type operation struct {
	verb   verb
	target *filter.Target
	value  any
	// listed says that the attribute was a member of an object: what is read-only or
	// not kept is passed over there, and refused where a path names it.
	listed bool
}

// name is the attribute in lower case, without the schema that it is understood in.
// Empty: the attribute is of an extension, of which nothing is kept.
func (o *operation) name(schema string) string {
	path := o.target.Path
	if path.Schema != "" && !strings.EqualFold(path.Schema, schema) {
		return ""
	}
	return strings.ToLower(path.Name)
}

func (o *operation) sub() string { return strings.ToLower(o.target.Path.Sub) }

// operations turns an object into the operations that give an attribute the value of
// each member.
func (o object) operations(by verb) []operation {
	all := make([]operation, 0, len(o))
	for _, name := range o.names() {
		target, err := filter.ParseTarget(name)
		if err != nil {
			continue // no attribute, so none that is kept
		}
		all = append(all, operation{verb: by, target: target, value: o[name], listed: true})
	}
	return all
}

// readPatch reads the operations of a patch, in order.
func readPatch(body object) ([]operation, error) {
	if schemas, given := body["schemas"].([]any); given && !slices.ContainsFunc(schemas, isPatch) {
		return nil, wrong(invalidSyntax, "schemas must name %s", messagePatch)
	}
	listed, ok := body["operations"].([]any)
	if !ok || len(listed) == 0 {
		return nil, wrong(invalidSyntax, "Operations must be an array of at least one operation")
	}
	var all []operation
	for i, one := range listed {
		read, ok := one.(object)
		if !ok {
			return nil, wrong(invalidSyntax, "operation %d must be an object", i+1)
		}
		operations, err := readOperation(i+1, read)
		if err != nil {
			return nil, err
		}
		all = append(all, operations...)
	}
	return all, nil
}

func isPatch(schema any) bool {
	text, ok := schema.(string)
	return ok && strings.EqualFold(text, messagePatch)
}

func readOperation(number int, read object) ([]operation, error) {
	op, _ := read["op"].(string)
	by := verb(strings.ToLower(op))
	if by != add && by != replace && by != remove {
		return nil, wrong(invalidSyntax, "op of operation %d must be add, replace or remove", number)
	}
	path, err := text("path", read["path"])
	if err != nil {
		return nil, err
	}
	value := read["value"]
	if path == "" {
		members, ok := value.(object)
		switch {
		case by == remove:
			return nil, wrong(noTarget, "operation %d needs a path", number)
		case !ok:
			return nil, wrong(invalidValue, "the value of operation %d, which has no path, must be an object", number)
		}
		return members.operations(by), nil
	}
	target, err := filter.ParseTarget(path)
	if err != nil {
		return nil, wrong(invalidPath, "path of operation %d: %s", number, err)
	}
	if _, given := read["value"]; !given && by != remove {
		return nil, wrong(invalidValue, "operation %d needs a value", number)
	}
	return []operation{{verb: by, target: target, value: value}}, nil
}
