package directory_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
)

func TestAddOrganization(t *testing.T) {
	w := newWorld(t)
	made, err := w.AddOrganization(t.Context(), "rival", directory.DefaultPolicy(), platform)
	require.NoError(t, err)
	stored, ok := snapshotOf(t, w.Directory).Organization(made.ID)
	require.True(t, ok)
	require.Equal(t, &made, stored)
	require.Equal(t, []audit.Name{audit.OrganizationCreated}, w.events())
	var names []string
	for _, group := range snapshotOf(t, w.Directory).Groups(made.ID) {
		names = append(names, group.Name)
	}
	require.Equal(t, []string{directory.Administrators, directory.Everyone, directory.Nobody}, names)

	_, err = w.AddOrganization(t.Context(), "rival", directory.DefaultPolicy(), platform)
	require.ErrorIs(t, err, directory.ErrNameTaken)
	_, err = w.AddOrganization(t.Context(), "", directory.DefaultPolicy(), platform)
	requireField(t, err, "name")
	_, err = w.AddOrganization(t.Context(), "third", directory.Policy{MaxAccessTokenSeconds: 300, DefaultAccessTokenSeconds: 14}, platform)
	requireField(t, err, "defaultAccessTokenSeconds")
	require.Empty(t, w.events())
}

func TestUpdateOrganization(t *testing.T) {
	w := newWorld(t)
	_, err := w.AddOrganization(t.Context(), "rival", directory.DefaultPolicy(), platform)
	require.NoError(t, err)
	w.events()
	rename := func(name string) func(*directory.Organization) error {
		return func(o *directory.Organization) error { o.Name = name; return nil }
	}
	for _, step := range []struct {
		name   string
		change func(*directory.Organization) error
		events []audit.Name
	}{
		{"a name", rename("acme & sons"), []audit.Name{audit.OrganizationUpdated}},
		{"a policy", func(o *directory.Organization) error {
			o.Policy.DefaultLifetimeSeconds, o.Policy.AllowedNetworks = new(int64(60)), []string{"192.0.2.0/24"}
			return nil
		}, []audit.Name{audit.PolicyUpdated}},
		{"the same policy in other words", func(o *directory.Organization) error {
			o.Policy.DefaultLifetimeSeconds, o.Policy.AllowedNetworks = new(int64(60)), slices.Clone(o.Policy.AllowedNetworks)
			return nil
		}, []audit.Name{}},
		{"a default in place", func(o *directory.Organization) error {
			*o.Policy.DefaultLifetimeSeconds = 61
			return nil
		}, []audit.Name{audit.PolicyUpdated}},
		{"both", func(o *directory.Organization) error {
			o.Name, o.Policy.AllowedNetworks = "acme", []string{}
			return nil
		}, []audit.Name{audit.OrganizationUpdated, audit.PolicyUpdated}},
		{"an empty list for none", func(o *directory.Organization) error {
			o.Policy.AllowedNetworks = nil
			return nil
		}, []audit.Name{}},
		{"what names it", func(o *directory.Organization) error {
			o.ID, o.Created = "x", o.Created.Add(1)
			return nil
		}, []audit.Name{}},
	} {
		got, err := w.UpdateOrganization(t.Context(), w.organization.ID, step.change, platform)
		require.NoError(t, err, step.name)
		stored, _ := snapshotOf(t, w.Directory).Organization(w.organization.ID)
		require.Equal(t, stored, &got, step.name)
		require.Equal(t, step.events, w.events(), step.name)
	}
	_, err = w.UpdateOrganization(t.Context(), w.organization.ID, func(o *directory.Organization) error { o.Policy.MaxLifetimeSeconds = -1; return nil }, platform)
	requireField(t, err, "maxLifetimeSeconds")
	wide := directory.DefaultPolicy()
	wide.MaxTokensPerOwner = 5000
	configured, err := w.CreateOrganization(t.Context(), "configured", wide, platform)
	require.NoError(t, err)
	_, err = w.UpdateOrganization(t.Context(), configured.ID, rename("renamed"), platform)
	require.NoError(t, err, "what it was already stays")
	_, err = w.UpdateOrganization(t.Context(), w.organization.ID, rename("rival"), platform)
	require.ErrorIs(t, err, directory.ErrNameTaken)
	_, err = w.UpdateOrganization(t.Context(), "none", rename("new"), platform)
	require.ErrorIs(t, err, directory.ErrNotFound)
	_, err = w.UpdateOrganization(t.Context(), w.organization.ID, rename("a\nb"), platform)
	requireField(t, err, "name")
	first, err := w.CreateOrganization(t.Context(), directory.DefaultOrganizationName, directory.DefaultPolicy(), platform)
	require.NoError(t, err)
	_, err = w.UpdateOrganization(t.Context(), first.ID, rename("new"), platform)
	require.ErrorIs(t, err, directory.ErrReserved)
}

func TestPolicyValidate(t *testing.T) {
	many := func(n int, text string) []string { return slices.Repeat([]string{text}, n) }
	for name, one := range map[string]struct {
		change func(*directory.Policy)
		field  string // empty: it is fine
	}{
		"the default":                 {func(*directory.Policy) {}, ""},
		"negative life":               {func(p *directory.Policy) { p.MaxLifetimeSeconds = -1 }, "maxLifetimeSeconds"},
		"longest life":                {func(p *directory.Policy) { p.MaxLifetimeSeconds = 3153600000 }, ""},
		"life that overflows":         {func(p *directory.Policy) { p.MaxLifetimeSeconds = 3153600001 }, "maxLifetimeSeconds"},
		"default life":                {func(p *directory.Policy) { p.DefaultLifetimeSeconds = new(int64(1)) }, ""},
		"default life of nothing":     {func(p *directory.Policy) { p.DefaultLifetimeSeconds = new(int64(0)) }, "defaultLifetimeSeconds"},
		"default life as the longest": {func(p *directory.Policy) { p.DefaultLifetimeSeconds, p.MaxLifetimeSeconds = new(int64(60)), 60 }, ""},
		"default life above it":       {func(p *directory.Policy) { p.DefaultLifetimeSeconds, p.MaxLifetimeSeconds = new(int64(61)), 60 }, "defaultLifetimeSeconds"},
		"no tokens":                   {func(p *directory.Policy) { p.MaxTokensPerOwner = 0 }, ""},
		"most tokens":                 {func(p *directory.Policy) { p.MaxTokensPerOwner = 1000 }, ""},
		"more tokens":                 {func(p *directory.Policy) { p.MaxTokensPerOwner = 1001 }, "maxTokensPerOwner"},
		"shortest JWT":                {func(p *directory.Policy) { p.DefaultAccessTokenSeconds = 15 }, ""},
		"shorter JWT":                 {func(p *directory.Policy) { p.DefaultAccessTokenSeconds = 14 }, "defaultAccessTokenSeconds"},
		"longer JWT":                  {func(p *directory.Policy) { p.MaxAccessTokenSeconds = 43201 }, "maxAccessTokenSeconds"},
		"default JWT above it":        {func(p *directory.Policy) { p.MaxAccessTokenSeconds = 299 }, "defaultAccessTokenSeconds"},
		"ten years":                   {func(p *directory.Policy) { p.LogonInactivityDays, p.UnusedRevokeDays = 3650, 3650 }, ""},
		"inactivity for longer":       {func(p *directory.Policy) { p.LogonInactivityDays = 3651 }, "logonInactivityDays"},
		"negative days":               {func(p *directory.Policy) { p.UnusedRevokeDays = -1 }, "unusedRevokeDays"},
		"no scopes":                   {func(p *directory.Policy) { p.DefaultScopes = nil }, ""},
		"longest scope":               {func(p *directory.Policy) { p.DefaultScopes = []string{strings.Repeat("x", 200)} }, ""},
		"longer scope":                {func(p *directory.Policy) { p.DefaultScopes = []string{strings.Repeat("x", 201)} }, "defaultScopes"},
		"empty scope":                 {func(p *directory.Policy) { p.DefaultScopes = []string{""} }, "defaultScopes"},
		"scope with a space":          {func(p *directory.Policy) { p.DefaultScopes = []string{"a b"} }, "defaultScopes"},
		"scope with a quote":          {func(p *directory.Policy) { p.DefaultScopes = []string{`a"b`} }, "defaultScopes"},
		"scope with a backslash":      {func(p *directory.Policy) { p.DefaultScopes = []string{`a\b`} }, "defaultScopes"},
		"scope beyond ASCII":          {func(p *directory.Policy) { p.DefaultScopes = []string{"é"} }, "defaultScopes"},
		"a scope twice":               {func(p *directory.Policy) { p.DefaultScopes = []string{"a", "a"} }, "defaultScopes"},
		"many scopes":                 {func(p *directory.Policy) { p.DefaultScopes = many(101, "a") }, "defaultScopes"},
		"networks":                    {func(p *directory.Policy) { p.AllowedNetworks = []string{"192.0.2.0/24", "2001:db8::/32", "192.0.2.1"} }, ""},
		"most networks":               {func(p *directory.Policy) { p.AllowedNetworks = many(100, "192.0.2.0/24") }, ""},
		"more networks":               {func(p *directory.Policy) { p.AllowedNetworks = many(101, "192.0.2.0/24") }, "allowedNetworks"},
		"no network":                  {func(p *directory.Policy) { p.AllowedNetworks = []string{"192.0.2.0/33"} }, "allowedNetworks"},
		"a zone":                      {func(p *directory.Policy) { p.AllowedNetworks = []string{"fe80::1%eth0"} }, "allowedNetworks"},
		"IPv4 as IPv6":                {func(p *directory.Policy) { p.AllowedNetworks = []string{"::ffff:192.0.2.0/120"} }, "allowedNetworks"},
	} {
		policy := directory.DefaultPolicy()
		one.change(&policy)
		err := policy.Validate()
		if one.field == "" {
			require.NoError(t, err, name)
		} else {
			requireField(t, err, one.field)
		}
	}
}
