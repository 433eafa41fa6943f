package scim

import (
	"net/http"

	"github.com/cambio-sts/cambio/manage"
)

const (
	schemaConfig       = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	schemaResourceType = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	schemaSchema       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
)

// getConfig answers with what the door can do (RFC 7643 §5).
func (s *Server) getConfig(w http.ResponseWriter, _ *http.Request, _ *manage.Caller) error {
	supported := func(yes bool) shown { return shown{"supported": yes} }
	write(w, http.StatusOK, shown{
		"schemas": []string{schemaConfig}, "patch": supported(true), "changePassword": supported(false), "sort": supported(true), "etag": supported(true),
		"bulk":   shown{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter": shown{"supported": true, "maxResults": manage.MaxPage},
		"authenticationSchemes": []shown{
			{"type": "oauthbearertoken", "name": "Bearer token", "description": "An access token of the organization, made with adminRole", "primary": true},
			{"type": "httpbasic", "name": "HTTP Basic", "description": "The id of that token as user, its secret as password"},
		},
		"meta": shown{"resourceType": "ServiceProviderConfig", "location": s.base + "/ServiceProviderConfig"},
	})
	return nil
}

// resourceTypes are RFC 7643 §6.
func (s *Server) resourceTypes() []shown {
	one := func(name, description, schema string) shown {
		return shown{
			"schemas": []string{schemaResourceType}, "id": name, "name": name, "endpoint": "/" + name + "s", "description": description, "schema": schema,
			"meta": shown{"resourceType": "ResourceType", "location": s.base + "/ResourceTypes/" + name},
		}
	}
	return []shown{one("User", "A person of the organization", schemaUser), one("Group", "A group of the organization", schemaGroup)}
}

func (s *Server) listResourceTypes(w http.ResponseWriter, r *http.Request, _ *manage.Caller) error {
	return writeAll(w, r, s.resourceTypes())
}

func (s *Server) getResourceType(w http.ResponseWriter, r *http.Request, _ *manage.Caller) error {
	return writeOne(w, r, s.resourceTypes())
}

func (s *Server) listSchemas(w http.ResponseWriter, r *http.Request, _ *manage.Caller) error {
	return writeAll(w, r, s.schemas())
}

func (s *Server) getSchema(w http.ResponseWriter, r *http.Request, _ *manage.Caller) error {
	return writeOne(w, r, s.schemas())
}

// writeAll answers with a short list, of which nothing can be chosen (RFC 7644 §4).
func writeAll(w http.ResponseWriter, r *http.Request, all []shown) error {
	wanted, err := askQuery(r)
	if err != nil {
		return err
	}
	if wanted.filter != nil {
		return errNoChoice
	}
	wanted.start, wanted.show = 1, projection{}
	wanted.writeList(w, len(all), all)
	return nil
}

func writeOne(w http.ResponseWriter, r *http.Request, all []shown) error {
	for _, one := range all {
		if one["id"] == r.PathValue("id") {
			write(w, http.StatusOK, one)
			return nil
		}
	}
	return manage.ErrNotFound
}
