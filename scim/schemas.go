package scim

// characteristics of an attribute that differ from the usual (RFC 7643 §2.2).
type characteristics struct {
	of         string // type; "string" if empty
	multi      bool   // multiValued
	required   bool
	exact      bool   // caseExact
	mutability string // "readWrite" if empty
	unique     bool   // uniqueness in the organization
	subs       []shown
	refers     []string // referenceTypes
}

// attributeOf describes an attribute (RFC 7643 §7).
func attributeOf(name, description string, c *characteristics) shown {
	described := shown{
		"name": name, "description": description, "type": "string", "multiValued": c.multi, "required": c.required, "caseExact": c.exact,
		"mutability": "readWrite", "returned": "default", "uniqueness": "none",
	}
	if c.of != "" {
		described["type"] = c.of
	}
	if c.mutability != "" {
		described["mutability"] = c.mutability
	}
	if c.unique {
		described["uniqueness"] = "server"
	}
	if c.subs != nil {
		described["subAttributes"] = c.subs
	}
	if c.refers != nil {
		described["referenceTypes"] = c.refers
	}
	return described
}

const (
	readOnly  = "readOnly"
	immutable = "immutable"
)

// schemas are RFC 7643 §7, of what is kept.
func (s *Server) schemas() []shown {
	one := func(id, name, description string, attributes []shown) shown {
		return shown{
			"schemas": []string{schemaSchema}, "id": id, "name": name, "description": description, "attributes": attributes,
			"meta": shown{"resourceType": "Schema", "location": s.base + "/Schemas/" + id},
		}
	}
	return []shown{
		one(schemaUser, "User", "A person of the organization", userAttributes()),
		one(schemaGroup, "Group", "A group of the organization", groupAttributes()),
	}
}

func userAttributes() []shown {
	return []shown{
		attributeOf("userName", "The username, of which case counts", &characteristics{required: true, exact: true, unique: true}),
		attributeOf("externalId", "The id that the identity provider has for the person", &characteristics{exact: true, unique: true}),
		attributeOf("displayName", "The name that is shown", &characteristics{}),
		attributeOf("name", "The name that is shown, where displayName is not given", &characteristics{of: "complex", subs: []shown{
			attributeOf("formatted", "The whole name", &characteristics{}),
		}}),
		attributeOf("active", "Whether the person may act: false stops all their tokens at the next use", &characteristics{of: "boolean"}),
		attributeOf("emails", "One address", &characteristics{of: "complex", multi: true, subs: []shown{
			attributeOf("value", "The address", &characteristics{}),
			attributeOf("type", "What it is for: work", &characteristics{mutability: readOnly}),
			attributeOf("primary", "Whether it is the one: true", &characteristics{of: "boolean", mutability: readOnly}),
		}}),
		attributeOf("groups", "The groups of which the person is a direct member", &characteristics{of: "complex", multi: true, mutability: readOnly, subs: []shown{
			attributeOf("value", "The id of the group", &characteristics{exact: true, mutability: readOnly}),
			attributeOf("$ref", "Its address", &characteristics{of: "reference", exact: true, mutability: readOnly, refers: []string{"Group"}}),
			attributeOf("display", "Its name", &characteristics{mutability: readOnly}),
			attributeOf("type", "How one is a member: direct", &characteristics{mutability: readOnly}),
		}}),
	}
}

func groupAttributes() []shown {
	return []shown{
		attributeOf("displayName", "The name of the group", &characteristics{required: true, exact: true, unique: true}),
		attributeOf("members", "The direct members and the child groups", &characteristics{of: "complex", multi: true, subs: []shown{
			attributeOf("value", "The id of the member", &characteristics{required: true, exact: true, mutability: immutable}),
			attributeOf("$ref", "Its address", &characteristics{of: "reference", exact: true, mutability: immutable, refers: []string{"User", "Group"}}),
			attributeOf("type", "User or Group", &characteristics{mutability: immutable}),
			attributeOf("display", "Its name", &characteristics{mutability: readOnly}),
		}}),
	}
}
