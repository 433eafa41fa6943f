package scim

import (
	"cmp"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/instant"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/manage"
)

// users is how filters see identities.
func users() *resource[directory.Identity] {
	return &resource[directory.Identity]{
		schema: schemaUser,
		kinds: map[string]kind{
			"id": exact, "username": exact, "externalid": exact, "displayname": loose, "name.formatted": loose, "active": toggle,
			"emails": loose, "emails.value": loose, "emails.type": loose, "emails.primary": toggle, "groups": many, "groups.value": many,
			"meta.resourcetype": exact, "meta.created": moment, "meta.lastmodified": moment,
		},
		read: readUser,
	}
}

func readUser(identity *directory.Identity, attribute string) value {
	switch attribute {
	case "id":
		return textValue(identity.ID)
	case "username":
		return textValue(identity.Username)
	case "externalid":
		return textValue(identity.ExternalID)
	case "displayname", "name.formatted":
		return textValue(identity.DisplayName)
	case "active":
		return value{flag: &identity.Enabled}
	case "emails", "emails.value":
		return textValue(identity.Email)
	case "emails.type":
		if identity.Email != "" {
			return value{text: emailType}
		}
	case "emails.primary":
		if primary := identity.Email != ""; primary {
			return value{flag: &primary}
		}
	case "groups", "groups.value":
		var v value
		for _, id := range identity.Groups {
			v.ids = append(v.ids, string(id))
		}
		return v
	case "meta.resourcetype":
		return value{text: "User"}
	case "meta.created":
		return value{time: identity.Created}
	case "meta.lastmodified":
		return value{time: cmp.Or(identity.Modified, identity.Created)}
	}
	return value{}
}

// userColumns are what Users can be sorted by.
func userColumns() map[string]query.Field {
	return map[string]query.Field{
		"username": "username", "displayname": "displayName", "name.formatted": "displayName", "externalid": "externalId",
		"emails": "email", "emails.value": "email", "active": "enabled", "meta.created": "created", "meta.lastmodified": "modified",
	}
}

// location is the address of a resource.
func (s *Server) location(kind, id string) string { return s.base + "/" + kind + "s/" + id }

// showUser is the User of RFC 7643 §4.1.
func (s *Server) showUser(identity *manage.Identity) shown {
	user := shown{
		"schemas": []string{schemaUser}, "id": identity.ID, "userName": identity.Username, "active": identity.Enabled,
		"meta": shown{
			"resourceType": "User", "created": instant.Format(identity.Created),
			"lastModified": instant.Format(cmp.Or(identity.Modified, identity.Created)),
			"location":     s.location("User", string(identity.ID)), "version": version(identity.ETag()),
		},
	}
	if identity.DisplayName != "" {
		user["displayName"], user["name"] = identity.DisplayName, shown{"formatted": identity.DisplayName}
	}
	if identity.Email != "" {
		user["emails"] = []shown{{"value": identity.Email, "type": emailType, "primary": true}}
	}
	if identity.ExternalID != "" {
		user["externalId"] = identity.ExternalID
	}
	if len(identity.Groups) > 0 {
		groups := make([]shown, len(identity.Groups))
		for i, id := range identity.Groups {
			groups[i] = shown{"value": id, "display": identity.GroupNames[id], "$ref": s.location("Group", string(id)), "type": "direct"}
		}
		user["groups"] = groups
	}
	return user
}
