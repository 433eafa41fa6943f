package scim

import (
	"strings"
)

// shown is a resource as it is answered.
type shown map[string]any

// projection is which attributes of a resource are answered (RFC 7644 §3.9).
type projection struct {
	only   []string // paths in lower case; nil: all
	except []string
}

// readProjection reads attributes and excludedAttributes: texts with commas, or arrays.
func readProjection(given object) (p projection, err error) {
	if p.only, err = paths("attributes", given["attributes"]); err != nil {
		return projection{}, err
	}
	if p.except, err = paths("excludedAttributes", given["excludedattributes"]); err != nil {
		return projection{}, err
	}
	if p.only != nil && p.except != nil {
		return projection{}, wrong(invalidValue, "give attributes or excludedAttributes, not both")
	}
	return p, nil
}

func paths(name string, given any) ([]string, error) {
	var listed []string
	switch given := given.(type) {
	case nil:
	case string:
		listed = strings.Split(given, ",")
	case []any:
		for _, one := range given {
			path, ok := one.(string)
			if !ok {
				return nil, wrong(invalidValue, "%s must be an array of strings", name)
			}
			listed = append(listed, path)
		}
	default:
		return nil, wrong(invalidValue, "%s must be an array of strings", name)
	}
	var out []string
	for _, path := range listed {
		path = strings.ToLower(strings.TrimSpace(path))
		for _, schema := range []string{schemaUser, schemaGroup} {
			path = strings.TrimPrefix(path, strings.ToLower(schema)+":")
		}
		if path != "" {
			out = append(out, path)
		}
	}
	return out, nil
}

// wants reports whether any of an attribute is to be answered.
func (p *projection) wants(attribute string) bool {
	if p.only == nil {
		return !covers(p.except, attribute, "")
	}
	for _, path := range p.only {
		if name, _, _ := strings.Cut(path, "."); name == attribute {
			return true
		}
	}
	return false
}

// covers reports whether the paths name an attribute, or the sub-attribute of it.
func covers(paths []string, attribute, sub string) bool {
	for _, path := range paths {
		if path == attribute || sub != "" && path == attribute+"."+sub {
			return true
		}
	}
	return false
}

// of returns what of a resource is to be answered: id and schemas always are.
func (p *projection) of(whole shown) shown {
	if p.only == nil && p.except == nil {
		return whole
	}
	part := shown{}
	for name, value := range whole {
		attribute := strings.ToLower(name)
		switch {
		case attribute == "id" || attribute == "schemas":
			part[name] = value
		case p.wants(attribute):
			part[name] = p.inside(attribute, value)
		}
	}
	return part
}

// inside returns what of the value of an attribute is to be answered.
func (p *projection) inside(attribute string, value any) any {
	switch value := value.(type) {
	case shown:
		part := shown{}
		for name, inner := range value {
			sub := strings.ToLower(name)
			if p.only != nil && covers(p.only, attribute, sub) || p.only == nil && !covers(p.except, attribute, sub) {
				part[name] = inner
			}
		}
		return part
	case []shown:
		parts := make([]shown, len(value))
		for i := range value {
			parts[i], _ = p.inside(attribute, value[i]).(shown)
		}
		return parts
	default:
		return value
	}
}
