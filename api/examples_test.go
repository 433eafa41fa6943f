package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// documentedGroup is the group of the examples in openapi.yaml.
const documentedGroup = "a3c95e7f20d14b86917f4e2ab8c60d13"

// Every documented request works as it is documented, and is answered as the
// contract has it (world.do); every body has an example.
func TestDocumentedExamples(t *testing.T) {
	for path, item := range theContract(t).document.Paths.Map() {
		for method, operation := range item.Operations() {
			for status, answered := range operation.Responses.Map() {
				for media, content := range answered.Value.Content {
					require.NotEmpty(t, examples(content), "%s %s: no example of %s %s", method, path, status, media)
				}
			}
			if operation.RequestBody == nil {
				continue
			}
			for media, content := range operation.RequestBody.Value.Content {
				given := examples(content)
				require.NotEmpty(t, given, "%s %s: no example of %s", method, path, media)
				for _, example := range given {
					t.Run(operation.OperationID, func(t *testing.T) { sendExample(t, method, path, media, example) })
				}
			}
		}
	}
}

// examples are those of a body, or of its model.
func examples(content *openapi3.MediaType) []any {
	var all []any
	if content.Example != nil {
		all = append(all, content.Example)
	}
	for _, one := range content.Examples {
		all = append(all, one.Value.Value)
	}
	schema := content.Schema.Value
	if schema.Items != nil {
		schema = schema.Items.Value
	}
	if len(all) == 0 && schema.Example != nil {
		all = append(all, schema.Example)
	}
	return all
}

// sendExample sends a documented request to a fresh server, as somebody who may do
// everything.
func sendExample(t *testing.T, method, path, media string, example any) {
	t.Helper()
	w := newWorld(t)
	w.setPolicy(func(p *directory.Policy) { p.MaxTokensPerOwner = 0 })
	things := newThings(w)
	things.somebody = w.alice
	route := things.fill(&principal{}, strings.TrimPrefix(meant(method+" /api/v1"+path), method+" "))[0]
	group := w.group()
	body, err := json.Marshal(example)
	require.NoError(t, err)
	for _, role := range []directory.Role{
		directory.PlatformAdmin, directory.OrganizationAdmin, directory.ManageSystemSecurityRoles, directory.ManageSystemSecurityGroups,
	} {
		w.assign(&w.alice, role)
	}
	if rest, ok := strings.CutPrefix(route, "/api/v1/groups/"); ok && strings.Contains(rest, "/") {
		of, _, _ := strings.Cut(rest, "/")
		require.NoError(t, w.people.Assign(t.Context(), w.organization.ID, directory.Assignment{
			Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: directory.ID(of), Holder: w.alice.ID,
		}, directory.Actor{}))
	}
	w.clock.advance(2 * time.Second) // past the age of the snapshot
	got := w.call(w.bearer(&w.alice, pat.ScopeAll), method, route, strings.ReplaceAll(string(body), documentedGroup, string(group.ID)), "Content-Type", media)
	require.Equal(t, http.StatusOK, got.StatusCode, string(got.body))
}
