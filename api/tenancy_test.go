package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// belongings are the ids of things in an organization, by the place of an id in a route.
type belongings map[string]string

// belong makes one of each thing, of the same names in every organization.
func (w *world) belong(admin *directory.Identity) belongings {
	w.Helper()
	of := w.organization.ID
	group, err := w.people.CreateGroup(w.Context(), directory.Group{Organization: of, Name: "team"}, directory.Actor{})
	require.NoError(w, err)
	child, err := w.people.CreateGroup(w.Context(), directory.Group{Organization: of, Name: "spare"}, directory.Actor{})
	require.NoError(w, err)
	w.assignOn(group.ID, admin.ID, directory.GroupAdmin)
	person := w.newIdentity(of, "same")
	w.assign(&person, directory.AccessAsNonInteractiveUser)
	record, _ := w.token(&person, "same")
	assignment, err := w.people.AddAssignment(w.Context(), of, directory.Assignment{
		Role: directory.OrganizationUser, Scope: directory.OnOrganization, ScopeID: of, Holder: person.ID,
	}, directory.Actor{})
	require.NoError(w, err)
	return belongings{
		"{org}": string(of), "{group}": string(group.ID), "{spare}": string(child.ID), "{bob}": string(person.ID), "{person}": string(person.ID),
		"{owner}": string(person.ID), "{id}": string(record.ID), "{assignment}": string(assignment.ID),
		"{orgtoken}": w.levelToken(pat.Organization, of), "{disabled orgtoken}": w.disabledToken(pat.Organization, of),
		"{grouptoken}": w.levelToken(pat.Group, group.ID), "{disabled grouptoken}": w.disabledToken(pat.Group, group.ID),
	}
}

var tracking = regexp.MustCompile(`"trackingId":"[0-9a-f]{32}"`)

// told is an answer without the ids that were asked for and what differs each time.
func (a *answer) told(ids belongings) string {
	text := tracking.ReplaceAllString(string(a.body), "")
	for place, one := range ids {
		text = strings.ReplaceAll(text, one, place)
	}
	return fmt.Sprint(a.StatusCode, a.Header.Get("ETag"), a.Header.Get("WWW-Authenticate"), a.Header.Get("X-Total-Count"), text)
}

// A116: an id of another organization is like one that nothing has, wherever it stands.
func TestForeignIDs(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		w.setPolicy(func(p *directory.Policy) { p.MaxTokensPerOwner = 0 })
		admin := w.newIdentity(w.organization.ID, "admin")
		own := w.belong(&admin)
		w.everything(&admin, directory.ID(own["{group}"]))
		other, mallory := foreignAdministrator(w)
		foreign := other.belong(&mallory)
		token := w.bearer(&admin, pat.ScopeAll)
		before := w.all(other.organization.ID)

		tried := 0
		for _, route := range api.Routes(w.api) {
			if !strings.Contains(route, " /api/v1/") {
				continue
			}
			method, pattern, _ := strings.Cut(meant(route), " ")
			for _, request := range foreignRequests(meant(route)) {
				path, body := pattern, request
				if method == http.MethodGet {
					path, body = pattern+request, ""
				}
				for _, places := range subsets(placesIn(own, path+body)) {
					unknown := belongings{}
					for _, place := range places {
						unknown[place] = id.New()
					}
					ask := func(ids belongings) string {
						fill := own.with(ids, places).replacer()
						got := w.call(token, method, fill.Replace(path), fill.Replace(body))
						for again := 0; got.StatusCode == http.StatusServiceUnavailable && again < 5; again++ { // other tests hold the processors
							got = w.call(token, method, fill.Replace(path), fill.Replace(body))
						}
						return got.told(ids)
					}
					tried++
					got, want := ask(foreign), ask(unknown)
					require.Equal(t, want, got, "%s %s, foreign: %v", meant(route), request, places)
					lists := strings.HasPrefix(request, "?")                                           // nothing, of whom nobody knows
					absent := method == http.MethodDelete && slices.Equal(places, []string{"{spare}"}) // what is not there need not be taken out
					if !lists && !absent {
						require.Regexp(t, "^40[034]", got, "%s %s, foreign: %v", meant(route), request, places)
					}
				}
			}
		}
		require.Greater(t, tried, 60)
		require.Equal(t, before, w.all(other.organization.ID), "nothing there has changed")
	})
}

// foreignRequests are those of the route table, and such as name things in the body.
func foreignRequests(route string) []string {
	switch route {
	case "GET /api/v1/personal-access-tokens":
		return []string{"?owner-id={owner}", "?filters=" + `owner.id%20eq%20%22{owner}%22`}
	case "POST /api/v1/groups":
		return []string{`{"name":"nests","childGroups":["{spare}"]}`}
	case "POST /api/v1/role-assignments":
		return []string{
			`{"role":"organization_user","scope":"organization","holder":"{person}"}`, `{"role":"organization_user","scope":"organization","holder":"{group}"}`,
			`{"role":"organization_user","scope":"organization","scopeId":"{org}","holder":"{person}"}`,
			`{"role":"group_user","scope":"group","scopeId":"{group}","holder":"{person}"}`,
		}
	}
	return routeRequests()[route]
}

// placesIn lists the places of ids in a text.
func placesIn(all belongings, text string) []string {
	var places []string
	for place := range all {
		if strings.Contains(text, place) {
			places = append(places, place)
		}
	}
	slices.Sort(places)
	return places
}

// subsets are all but the empty one.
func subsets(of []string) [][]string {
	var all [][]string
	for bits := 1; bits < 1<<len(of); bits++ {
		var some []string
		for i, one := range of {
			if bits>>i&1 == 1 {
				some = append(some, one)
			}
		}
		all = append(all, some)
	}
	return all
}

// with takes others' in some places.
func (b belongings) with(others belongings, places []string) belongings {
	mixed := belongings{"{new}": "new", "{kid}": "unknown"}
	maps.Copy(mixed, b)
	for _, place := range places {
		mixed[place] = others[place]
	}
	return mixed
}

func (b belongings) replacer() *strings.Replacer {
	var pairs []string
	for place, one := range b {
		pairs = append(pairs, place, one)
	}
	return strings.NewReplacer(pairs...)
}

// all is everything in an organization.
func (w *world) all(organization directory.ID) []any {
	w.Helper()
	var all []any
	for person, err := range w.people.ListIdentities(w.Context(), organization) {
		require.NoError(w, err)
		all = append(all, person)
	}
	for record, err := range w.tokens.List(w.Context(), pat.Query{Organization: organization}) {
		require.NoError(w, err)
		record.LastSeen = record.Created // a use is no change
		all = append(all, record)
	}
	snapshot, err := w.people.Snapshot(w.Context())
	require.NoError(w, err)
	for _, group := range snapshot.Groups(organization) {
		all = append(all, *group)
	}
	for _, assignment := range snapshot.Assignments() {
		if assignment.ScopeID == organization {
			all = append(all, assignment)
		}
	}
	return all
}

// No list tells of another organization, whatever has the same name there.
func TestListsOfTwoOrganizations(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		admin := w.newIdentity(w.organization.ID, "admin")
		own := w.belong(&admin)
		w.everything(&admin, directory.ID(own["{group}"]))
		other, mallory := foreignAdministrator(w)
		foreign := other.belong(&mallory)
		token := w.bearer(&admin, pat.ScopeAll)
		for _, path := range []string{
			collection, collection + "?filters=name%20eq%20%22same%22", collection + "?sorters=owner.name", "/api/v1/organizations", "/api/v1/groups",
			"/api/v1/groups/{group}/members", "/api/v1/groups/{group}/children", "/api/v1/groups/{group}/access-tokens", "/api/v1/organizations/{org}/access-tokens",
			"/api/v1/identities", "/api/v1/identities?filters=username%20eq%20%22same%22", "/api/v1/role-assignments", "/api/v1/audit-events", "/api/v1/reports/inactivity", "/api/v1/me",
		} {
			got := w.call(token, http.MethodGet, own.replacer().Replace(path), "")
			require.Equal(t, http.StatusOK, got.StatusCode, string(got.body))
			for place, one := range foreign {
				require.NotContains(t, string(got.body), one, "%s tells of %s", path, place)
			}
			require.NotContains(t, string(got.body), string(mallory.ID), path)
		}
		require.Equal(t, []string{"same"}, w.call(token, http.MethodGet, collection+"?filters=name%20eq%20%22same%22", "").names(t), "one's own is there")
	})
}
