package directory_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
)

var platform directory.Actor

func TestUpdateGroup(t *testing.T) {
	w := newWorld(t)
	inner := w.group("inner")
	outer := w.group("outer", inner.ID)
	w.events()
	changed, err := w.UpdateGroup(t.Context(), inner.ID, func(group *directory.Group) error {
		group.ID, group.Organization = "another", "another"
		group.Name, group.Description = "core", "the core"
		return nil
	}, platform)
	require.NoError(t, err)
	require.Equal(t, directory.Group{ID: inner.ID, Organization: w.organization.ID, Name: "core", Description: "the core"}, changed)
	stored, _ := snapshotOf(t, w.Directory).Group(inner.ID)
	require.Equal(t, &changed, stored)
	require.Equal(t, []audit.Name{audit.GroupUpdated}, w.events())

	version := snapshotOf(t, w.Directory).Version()
	same, err := w.UpdateGroup(t.Context(), outer.ID, func(group *directory.Group) error {
		group.ChildGroups = append(group.ChildGroups, inner.ID)
		return nil
	}, platform)
	require.NoError(t, err)
	require.Equal(t, outer, same)
	require.Equal(t, version, snapshotOf(t, w.Directory).Version(), "what is so already is not written")
	require.Empty(t, w.events())
}

func TestUpdateGroupRefuses(t *testing.T) {
	w := newWorld(t)
	inner := w.group("inner")
	outer := w.group("outer", inner.ID)
	elsewhere, err := w.AddOrganization(t.Context(), "elsewhere", directory.DefaultPolicy(), platform)
	require.NoError(t, err)
	foreign, err := w.CreateGroup(t.Context(), directory.Group{Organization: elsewhere.ID, Name: "foreign"}, platform)
	require.NoError(t, err)
	w.events()
	own := errors.New("not today")
	rename := func(name string) func(*directory.Group) error {
		return func(group *directory.Group) error { group.Name = name; return nil }
	}
	nest := func(child directory.ID) func(*directory.Group) error {
		return func(group *directory.Group) error { group.ChildGroups = append(group.ChildGroups, child); return nil }
	}
	for name, one := range map[string]struct {
		group  directory.ID
		change func(*directory.Group) error
		want   error
	}{
		"unknown group":          {"none", rename("new"), directory.ErrNotFound},
		"a name that is taken":   {inner.ID, rename("outer"), directory.ErrNameTaken},
		"a reserved name":        {inner.ID, rename(directory.Everyone), directory.ErrReserved},
		"the name of a role":     {inner.ID, rename(string(directory.OrganizationAdmin)), directory.ErrReserved},
		"of a reserved group":    {w.reserved(directory.Administrators), rename("new"), directory.ErrReserved},
		"a cycle":                {inner.ID, nest(outer.ID), directory.ErrCycle},
		"itself":                 {inner.ID, nest(inner.ID), directory.ErrCycle},
		"an unknown child":       {inner.ID, nest("none"), directory.ErrNotFound},
		"a foreign child":        {inner.ID, nest(foreign.ID), directory.ErrNotFound},
		"a child of Nobody":      {w.reserved(directory.Nobody), nest(inner.ID), directory.ErrNotFound},
		"an error of the caller": {inner.ID, func(group *directory.Group) error { group.Name = "new"; return own }, own},
	} {
		_, err := w.UpdateGroup(t.Context(), one.group, one.change, platform)
		require.ErrorIs(t, err, one.want, name)
	}
	for field, change := range map[string]func(*directory.Group) error{
		"name":        rename(" "),
		"description": func(group *directory.Group) error { group.Description = strings.Repeat("x", 2001); return nil },
	} {
		_, err := w.UpdateGroup(t.Context(), inner.ID, change, platform)
		requireField(t, err, field)
	}
	_, err = w.CreateGroup(t.Context(), directory.Group{Organization: w.organization.ID, Name: "a\nb"}, platform)
	requireField(t, err, "name")
	require.Empty(t, w.events())
	_, err = w.UpdateGroup(t.Context(), inner.ID, rename("new"), platform)
	require.NoError(t, err)
}

func TestUnnestGroup(t *testing.T) {
	w := newWorld(t)
	inner := w.group("inner")
	outer := w.group("outer", inner.ID)
	require.Equal(t, []directory.ID{outer.ID}, snapshotOf(t, w.Directory).Parents(inner.ID))
	w.events()
	for range 2 {
		require.NoError(t, w.UnnestGroup(t.Context(), outer.ID, inner.ID, platform))
		require.Empty(t, snapshotOf(t, w.Directory).Parents(inner.ID))
	}
	require.Equal(t, []audit.Name{audit.GroupUpdated}, w.events())
	require.ErrorIs(t, w.UnnestGroup(t.Context(), "none", inner.ID, platform), directory.ErrNotFound)
}

// requireField proves that an error finds fault with one field and no other.
func requireField(t *testing.T, err error, field string) {
	t.Helper()
	var fault *directory.FieldError
	require.ErrorAs(t, err, &fault)
	require.Equal(t, field, fault.Field)
	require.NotContains(t, err.Error(), "\n", "one fault")
	require.NotEmpty(t, fault.Cause)
}
