package scim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
)

// crowd makes u00, u01, … of whom each differs from the next.
func crowd(w *world, n int) []directory.Identity {
	w.Helper()
	var all []directory.Identity
	for i := range n {
		all = append(all, w.newIdentity(w.organization.ID, fmt.Sprintf("u%02d", i), func(identity *directory.Identity) {
			identity.Enabled, identity.DisplayName = i%2 == 0, fmt.Sprintf("Name %02d", n-i)
			if i%3 == 0 {
				identity.Email, identity.ExternalID = fmt.Sprintf("U%02d@x.example", i), fmt.Sprintf("ext-%02d", i)
			}
		}))
		w.clock.advance(time.Second)
	}
	return all
}

func TestFiltersOfUsers(t *testing.T) {
	w := newWorld(t)
	all := crowd(w, 6)
	group := w.newGroup(w.organization.ID, "clerks")
	require.NoError(t, w.people.AddMember(t.Context(), group.ID, all[4].ID, directory.Actor{}))
	for filter, want := range map[string][]string{
		`userName eq "u03"`: {"u03"},
		`USERNAME EQ "u03"`: {"u03"},
		`userName eq "U03"`: {},
		`urn:ietf:params:scim:schemas:core:2.0:User:userName eq "u03"`: {"u03"},
		`userName eq "u03" and active eq true`:                         {},
		`userName eq "u03" and active eq "False"`:                      {"u03"},
		`userName eq "u03" or userName eq "u04"`:                       {"u03", "u04"},
		`not (userName eq "u03") and userName sw "u0"`:                 {"u00", "u01", "u02", "u04", "u05"},
		`userName ne "u03" and active eq false`:                        {"u01", "u05"},
		`active ne false`:                                              {"u00", "u02", "u04"},
		`externalId eq "ext-03"`:                                       {"u03"},
		`externalId pr`:                                                {"u00", "u03"},
		`externalId eq null and active eq true`:                        {"u02", "u04"},
		`externalId ne "ext-03" and active eq false`:                   {"u01", "u05"},
		`id eq "` + string(all[2].ID) + `"`:                            {"u02"},
		`id eq "` + string(w.technical.ID) + `"`:                       {},
		`userName eq "` + w.technical.Username + `"`:                   {},
		`userName sw "token"`:                                          {},
		`id eq "x"`:                                                    {},
		`emails eq "u03@X.example"`:                                    {"u03"},
		`emails.value co "03@"`:                                        {"u03"},
		`emails[type eq "work" and value ew "3@x.example"]`:            {"u03"},
		`emails[type eq "home"]`:                                       {},
		`emails[primary eq true] and userName gt "u00"`:                {"u03"},
		`displayName eq "name 01" or name.formatted co "E 02"`:         {"u04", "u05"},
		`userName ge "u04"`:                                            {"u04", "u05"},
		`userName lt "u01" or userName le "u00"`:                       {"u00"},
		`meta.created gt "2026-11-22T12:00:03.123Z"`:                   {"u04", "u05"},
		`meta.lastModified le "2026-11-22T12:00:00.123Z"`:              {"u00"},
		`meta.created eq "2026-11-22T13:00:02.123+01:00"`:              {"u02"},
		`meta.resourceType eq "User" and userName sw "u05"`:            {"u05"},
		`groups eq "` + string(group.ID) + `"`:                         {"u04"},
		`groups pr`:                                                    {"u04"},
		`groups[value eq "` + string(group.ID) + `"]`:                  {"u04"},
		`userName eq "u03" and (active pr and not (emails pr))`:        {},
	} {
		found := w.find("Users", filter)
		require.Equal(t, want, found.each("userName"), filter)
		require.EqualValues(t, len(want), found.at("totalResults"), filter)
		searched := w.call(http.MethodPost, "/Users/.search", fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":%q}`, filter))
		require.Equal(t, string(found.body), string(searched.is(http.StatusOK).body))
	}
	for filter, detail := range map[string]string{
		`userName`:                                "at character 9: compare by one of",
		`title eq "x"`:                            "use one of active, displayname",
		`urn:other:User:userName eq "x"`:          "use one of",
		`active eq "maybe"`:                       "compare active with true or false",
		`active gt true`:                          "compare active by eq or ne",
		`userName eq 7`:                           "compare userName with a text",
		`userName co true`:                        "compare userName with a text",
		`userName gt null`:                        "compare null by eq or ne",
		`meta.created eq "yesterday"`:             "compare meta.created with a time",
		`meta.created co "2026-11-22T12:00:00Z"`:  "compare meta.created by eq",
		`groups co "x"`:                           "compare groups by eq",
		`groups[value eq "x" and display eq "y"]`: "compare groups by value eq alone",
	} {
		w.find("Users", filter).fails(http.StatusBadRequest, "invalidFilter", detail)
	}
}

func TestPagesOfUsers(t *testing.T) {
	w := newWorld(t)
	crowd(w, 7)
	for query, want := range map[string][]string{
		"":                               {"u00", "u01", "u02", "u03", "u04", "u05", "u06"},
		"startIndex=1&count=3":           {"u00", "u01", "u02"},
		"startIndex=4&count=3":           {"u03", "u04", "u05"},
		"startIndex=7&count=3":           {"u06"},
		"startIndex=8&count=3":           {},
		"startIndex=99999999999&count=3": {},
		"startIndex=-5&count=1":          {"u00"},
		"count=0":                        {},
		"count=-1":                       {},
		"count=1000&startIndex=6":        {"u05", "u06"},
		"sortBy=displayName&count=2":     {"u06", "u05"},
		"sortBy=userName&sortOrder=descending&count=2":               {"u06", "u05"},
		"sortBy=emails.value&count=4":                                {"u00", "u03", "u06", "u01"},
		"sortBy=meta.lastModified&sortOrder=Descending&count=1":      {"u06"},
		"sortBy=urn:ietf:params:scim:schemas:core:2.0:User:userName": {"u00", "u01", "u02", "u03", "u04", "u05", "u06"},
		"aadOptscim062020&count=1":                                   {"u00"},
	} {
		found := w.call(http.MethodGet, "/Users?"+query, "")
		if query == "startIndex=99999999999&count=3" {
			require.Empty(t, found.each("userName"))
			continue
		}
		require.Equal(t, want, found.each("userName"), query)
		require.EqualValues(t, 7, found.at("totalResults"), query)
		require.EqualValues(t, len(want), found.at("itemsPerPage"), query)
	}
	require.Empty(t, w.call(http.MethodGet, `/Users?startIndex=2&filter=`+url.QueryEscape(`userName eq "u03"`), "").each("id"))
	for query, detail := range map[string]string{
		"count=x": "count must be a whole number", "startIndex=1.5": "startIndex must be a whole number", "sortBy=title": "sortBy is one of active",
		"sortOrder=up": "sortOrder is ascending or descending", "attributes=id&excludedAttributes=emails": "not both",
	} {
		w.call(http.MethodGet, "/Users?"+query, "").fails(http.StatusBadRequest, "invalidValue", detail)
	}
	w.call(http.MethodGet, "/Users?count=1&count=2", "").fails(http.StatusBadRequest, "invalidSyntax", "once")
	w.call(http.MethodGet, "/Users?count=%zz", "").fails(http.StatusBadRequest, "invalidSyntax", "query string")
	w.call(http.MethodPost, "/Users/.search", `{"schemas":["x"]}`).fails(http.StatusBadRequest, "invalidSyntax", "schemas must name")
	w.call(http.MethodPost, "/Users/.search", `{"count":1.5}`).fails(http.StatusBadRequest, "invalidValue", "count")
	require.Equal(t, []string{"u02"}, w.call(http.MethodPost, "/Users/.search", `{"count":1,"startIndex":3,"attributes":["userName"]}`).each("userName"))
}

func TestPagesOfGroups(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"b", "a", "c"} {
		w.newGroup(w.organization.ID, name)
	}
	w.clock.advance(2 * time.Second)
	all := w.call(http.MethodGet, "/Groups", "")
	require.Equal(t, []string{"Administrators", "Everyone", "Nobody", "a", "b", "c"}, all.each("displayName"))
	require.EqualValues(t, 6, all.at("totalResults"))
	require.Equal(t, []string{"Nobody", "Everyone", "c"}, w.call(http.MethodGet, "/Groups?sortBy=displayName&sortOrder=descending&count=3", "").each("displayName"))
	require.Equal(t, []string{"b"}, w.call(http.MethodPost, "/Groups/.search", `{"filter":"displayName eq \"B\"","excludedAttributes":["members"]}`).each("displayName"))
	require.Empty(t, w.find("Groups", `externalId eq "x"`).each("id"))
	w.find("Groups", `description eq "x"`).fails(http.StatusBadRequest, "invalidFilter", "use one of displayname")
}

func TestAttributesAreChosen(t *testing.T) {
	w := newWorld(t)
	all := crowd(w, 1)
	path := "/Users/" + string(all[0].ID)
	for query, want := range map[string][]string{
		"attributes=userName":                                          {"id", "schemas", "userName"},
		"attributes=USERNAME,%20emails.value":                          {"emails", "id", "schemas", "userName"},
		"attributes=urn:ietf:params:scim:schemas:core:2.0:User:active": {"active", "id", "schemas"},
		"attributes=nonsense":                                          {"id", "schemas"},
		"excludedAttributes=emails,id,meta.created,schemas":            {"active", "displayName", "externalId", "id", "meta", "name", "schemas", "userName"},
	} {
		got := w.call(http.MethodGet, path+"?"+query, "").is(http.StatusOK)
		object, ok := got.at().(map[string]any)
		require.True(t, ok)
		names := []string{}
		for name := range object {
			names = append(names, name)
		}
		slices.Sort(names)
		require.Equal(t, want, names, query)
	}
	require.Equal(t, map[string]any{"value": "U00@x.example"}, w.call(http.MethodGet, path+"?attributes=emails.value", "").at("emails", 0))
	require.NotContains(t, w.call(http.MethodGet, path+"?excludedAttributes=meta.created", "").at("meta"), "created")
	require.NotContains(t, string(w.call(http.MethodPost, "/Users?attributes=id", `{"userName":"new"}`).is(http.StatusCreated).body), "userName")
}

func TestDiscovery(t *testing.T) {
	w := newWorld(t)
	config := w.call(http.MethodGet, "/ServiceProviderConfig", "").is(http.StatusOK)
	for feature, supported := range map[string]bool{"patch": true, "bulk": false, "filter": true, "sort": true, "etag": true, "changePassword": false} {
		require.Equal(t, supported, config.at(feature, "supported"), feature)
	}
	require.EqualValues(t, 250, config.at("filter", "maxResults"))
	for path, names := range map[string][]string{"/ResourceTypes": {"User", "Group"}, "/Schemas": {"User", "Group"}} {
		list := w.call(http.MethodGet, path, "")
		require.Equal(t, names, list.each("name"))
		for i := range names {
			one := w.call(http.MethodGet, path+"/"+list.text("Resources", i, "id"), "").is(http.StatusOK)
			require.Equal(t, list.at("Resources", i), one.at())
			require.Equal(t, issuer+"/scim/v2"+path+"/"+one.text("id"), one.at("meta", "location"))
		}
		w.call(http.MethodGet, path+"/x", "").fails(http.StatusNotFound, "", "no such resource")
		w.call(http.MethodGet, path+"?filter="+url.QueryEscape(`name pr`), "").fails(http.StatusForbidden, "", "no filter")
	}
	for _, route := range []struct{ method, path string }{{"POST", "/Bulk"}, {"GET", "/Me"}, {"GET", ""}, {"GET", "/"}, {"GET", "/users"}, {"GET", "/Users/"}, {"POST", "/.search"}} {
		w.call(route.method, route.path, "").fails(http.StatusNotFound, "", "nothing is here")
	}
	refused := w.call(http.MethodDelete, "/Users", "")
	refused.fails(http.StatusMethodNotAllowed, "", "Allow")
	require.Equal(t, "GET, HEAD, POST", refused.Header.Get("Allow"))
}
