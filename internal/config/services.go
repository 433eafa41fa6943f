package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// anyScope is what scopes holds when a service takes any.
const anyScope = "*"

const maxClaimMax = 500

// readServices reads the list of services.
func (l *loader) readServices(node *yaml.Node) {
	if node.Kind != yaml.SequenceNode {
		l.problems.add(servicesKey, &fault{"is not a list", "begin each service with - audience:"})
		return
	}
	for i, item := range node.Content {
		path := fmt.Sprintf("%s[%d]", servicesKey, i)
		l.problems.where[path] = l.at(item)
		l.services = append(l.services, l.readService(path, item))
	}
}

func (l *loader) readService(path string, node *yaml.Node) Service {
	var service Service
	var names []string
	for _, s := range serviceSettings() {
		names = append(names, s.path)
	}
	l.eachKey(path, node, under(path, names...), func(key string, value *yaml.Node) {
		switch lastPart(key) {
		case "audience":
			service.Audience = l.text(key, value)
		case "name":
			service.Name = l.text(key, value)
		case "scopes":
			service.Scopes = l.readScopes(key, value)
		case "organizations":
			service.Organizations = l.readOrganizations(key, value)
		case "maxLifetimeSeconds":
			service.MaxLifetimeSeconds = l.number(key, value, minAccessTokenSeconds, maxAccessTokenSeconds)
		case "alg":
			service.Alg = l.text(key, value)
		case "claims":
			service.Claims = l.readClaims(key, value)
		default:
		}
	})
	return service
}

// under returns the keys named below path.
func under(path string, names ...string) []string {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = join(path, name)
	}
	return keys
}

// text reads the text at key; empty after a problem.
func (l *loader) text(key string, node *yaml.Node) string {
	value, f := setting{kind: kindText}.parseNode(node, "")
	l.problems.add(key, f)
	text, _ := value.(string)
	return text
}

// number reads the whole number at key; 0 after a problem.
func (l *loader) number(key string, node *yaml.Node, least, most int64) int64 {
	value, f := setting{kind: kindInteger, min: least, max: most}.parseNode(node, "")
	l.problems.add(key, f)
	n, _ := value.(int64)
	return n
}

// readScopes reads "*" or a map from scope to grantees. Scopes are keys the
// table does not know, so this is not eachKey.
func (l *loader) readScopes(path string, node *yaml.Node) Scopes {
	if node.Kind == yaml.ScalarNode && node.Value == anyScope {
		return Scopes{Any: true}
	}
	if node.Kind != yaml.MappingNode {
		l.problems.add(path, &fault{`is neither "*" nor a map`, `write "*", or each scope with the list of who is granted it`})
		return Scopes{}
	}
	scopes := Scopes{Grants: map[string][]string{}}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		key := join(path, printableKey(name.Value))
		l.problems.where[key] = l.at(name)
		if name.Kind != yaml.ScalarNode || name.Tag == "!!merge" {
			l.problems.add(key, &fault{"is a key that is no plain text", "write the scopes out"})
			continue
		}
		if _, twice := scopes.Grants[name.Value]; twice {
			l.problems.add(key, &fault{"is written twice", "remove one"})
			continue
		}
		scopes.Grants[name.Value] = l.readGrantees(key, value)
	}
	return scopes
}

func (l *loader) readGrantees(key string, node *yaml.Node) []string {
	value, f := setting{kind: kindList}.parseNode(node, "")
	grantees, _ := value.([]string)
	if f == nil && len(grantees) == 0 {
		f = &fault{"is granted to nobody", "name groups or roles, Everyone, or Nobody"}
	}
	l.problems.add(key, f)
	return grantees
}

// maxName is how many characters the name of an organization has at most.
const maxName = 255

// readOrganizations reads names. Whether there are such organizations only the store
// knows, and they may come later.
func (l *loader) readOrganizations(key string, node *yaml.Node) []string {
	value, f := setting{kind: kindList}.parseNode(node, "")
	names, _ := value.([]string)
	unnamed := func(name string) bool {
		return strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxName
	}
	switch {
	case f != nil:
	case len(names) == 0:
		f = &fault{"names no organization", "name those whose tokens may be for it, or remove the key"}
	case slices.ContainsFunc(names, unnamed):
		f = &fault{"has an item that is no name of an organization", fmt.Sprintf("write 1 to %d characters, as the organization is called", maxName)}
	}
	l.problems.add(key, f)
	return names
}

func (l *loader) readClaims(path string, node *yaml.Node) Claims {
	var claims Claims
	l.eachKey(path, node, under(path, "roles", "groups", "name", "email"), func(key string, value *yaml.Node) {
		rule := l.readClaimRule(key, value)
		switch lastPart(key) {
		case "roles":
			claims.Roles = rule
		case "groups":
			claims.Groups = rule
		case "name":
			claims.Name = rule
		case "email":
			claims.Email = rule
		default:
		}
	})
	return claims
}

// readClaimRule reads true, false, or {match, max}.
func (l *loader) readClaimRule(path string, node *yaml.Node) *ClaimRule {
	rule := &ClaimRule{Match: "*", Max: DefaultClaimMax}
	if node.Kind == yaml.ScalarNode {
		told, f := setting{kind: kindBoolean}.parseNode(node, "")
		if f != nil {
			f.fix = "write true, or {match: PATTERN, max: NUMBER}"
		}
		l.problems.add(path, f)
		if told != true {
			return nil
		}
		return rule
	}
	l.eachKey(path, node, under(path, "match", "max"), func(key string, value *yaml.Node) {
		switch lastPart(key) {
		case "match":
			rule.Match = l.text(key, value)
			l.problems.add(key, checkPattern(rule.Match))
		case "max":
			rule.Max = int(l.number(key, value, 1, maxClaimMax))
		default:
		}
	})
	return rule
}
