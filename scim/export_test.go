package scim

import (
	"encoding/json"

	"github.com/cambio-sts/cambio/directory"
)

// Routes lists every route that Register adds, as "METHOD path".
func Routes() []string {
	var all []string
	for path, methods := range (&Server{}).routes() {
		for method := range methods {
			all = append(all, method+" "+path)
		}
	}
	return all
}

// Patch applies the body of a patch to an identity.
func Patch(identity *directory.Identity, body []byte) error {
	var read map[string]any
	if err := json.Unmarshal(body, &read); err != nil {
		return err
	}
	folded, err := fold(read)
	if err != nil {
		return err
	}
	operations, err := readPatch(folded)
	if err != nil {
		return err
	}
	return changeUser(identity, operations)
}
