package pat_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

func TestCreate(t *testing.T) {
	w := newWorld(t)
	token, record := w.create(func(d *pat.Draft) { d.Name, d.Description = "ci", "build" })
	require.Equal(t, token.ID(), record.ID)
	require.Equal(t, w.owner.ID[:2], directory.ID(record.ID[:2]))
	require.Equal(t, []string{pat.ScopeAll}, record.Scope, "the policy's default")
	require.True(t, record.Expiration.IsZero())
	require.Equal(t, w.owner.ID, record.CreatedBy)
	require.EqualValues(t, 1, record.Generation)
	stored := w.stored(record.ID)
	require.True(t, record.Created.Equal(stored.Created))
	events := w.events(audit.TokenCreated)
	require.Len(t, events, 1)
	require.Equal(t, origin.TrackingID, events[0].TrackingID)

	_, record = w.create(func(d *pat.Draft) { d.Scope = []string{} })
	require.Equal(t, []string{pat.ScopeDefault}, record.Scope)
}

func TestCreateRefuses(t *testing.T) {
	w := newWorld(t)
	past, far := w.clock.now(), w.clock.now().Add(48*time.Hour)
	day := int64(86400)
	for name, c := range map[string]struct {
		field  string
		change func(*pat.Draft, *directory.Policy)
	}{
		"no name":            {"name", func(d *pat.Draft, _ *directory.Policy) { d.Name = "" }},
		"blank name":         {"name", func(d *pat.Draft, _ *directory.Policy) { d.Name = "  " }},
		"name of 256":        {"name", func(d *pat.Draft, _ *directory.Policy) { d.Name = strings.Repeat("ü", 256) }},
		"line break in name": {"name", func(d *pat.Draft, _ *directory.Policy) { d.Name = "a\r\nb" }},
		"direction in name":  {"name", func(d *pat.Draft, _ *directory.Policy) { d.Name = "a\u202eb" }},
		"name after a space": {"name", func(d *pat.Draft, _ *directory.Policy) { d.Name = " ci" }},
		"no-break space":     {"name", func(d *pat.Draft, _ *directory.Policy) { d.Name = "ci\u00a0" }},
		"zero width in name": {"name", func(d *pat.Draft, _ *directory.Policy) { d.Name = "c\u200bi" }},
		"joiner before name": {"name", func(d *pat.Draft, _ *directory.Policy) { d.Name = "\u200dci" }},
		"name not UTF-8":     {"name", func(d *pat.Draft, _ *directory.Policy) { d.Name = "a\xffb" }},
		"long description":   {"description", func(d *pat.Draft, _ *directory.Policy) { d.Description = strings.Repeat("a", 2001) }},
		"scope with quote":   {"scope", func(d *pat.Draft, _ *directory.Policy) { d.Scope = []string{`a"b`} }},
		"scope twice":        {"scope", func(d *pat.Draft, _ *directory.Policy) { d.Scope = []string{"a", "a"} }},
		"scopes of 4 KiB": {"scope", func(d *pat.Draft, _ *directory.Policy) {
			for i := range 50 {
				d.Scope = append(d.Scope, strconv.Itoa(i)+strings.Repeat("a:", 50))
			}
		}},
		"101 scopes":          {"scope", func(d *pat.Draft, _ *directory.Policy) { d.Scope = make([]string, 101) }},
		"empty audience":      {"audience", func(d *pat.Draft, _ *directory.Policy) { d.Audience = []string{""} }},
		"21 audiences":        {"audience", func(d *pat.Draft, _ *directory.Policy) { d.Audience = make([]string, 21) }},
		"control in audience": {"audience", func(d *pat.Draft, _ *directory.Policy) { d.Audience = []string{"a\x01"} }},
		"14 s of validity":    {"accessTokenValiditySeconds", func(d *pat.Draft, _ *directory.Policy) { d.AccessTokenLife = 14 * time.Second }},
		"43201 s of validity": {"accessTokenValiditySeconds", func(d *pat.Draft, _ *directory.Policy) { d.AccessTokenLife = 43201 * time.Second }},
		"expiry now":          {"expirationDate", func(d *pat.Draft, _ *directory.Policy) { d.Expiration = past }},
		"expiry past policy":  {"expirationDate", func(d *pat.Draft, p *directory.Policy) { d.Expiration, p.MaxLifetimeSeconds = far, day }},
		"never, not allowed":  {"expirationDate", func(_ *pat.Draft, p *directory.Policy) { p.AllowNeverExpire = false }},
		"never, acknowledged, not allowed": {"expirationDate", func(d *pat.Draft, p *directory.Policy) {
			d.NeverExpiresAcknowledged, p.AllowNeverExpire, p.DefaultLifetimeSeconds = true, false, &day
		}},
		"never, but a longest life": {"expirationDate", func(_ *pat.Draft, p *directory.Policy) { p.MaxLifetimeSeconds = day }},
		"never, not acknowledged": {"userAwareTokenNeverExpires", func(_ *pat.Draft, p *directory.Policy) {
			p.RequireNeverExpireAcknowledgement = true
		}},
	} {
		draft, policy := pat.Draft{Name: "ci", Level: pat.Personal}, directory.DefaultPolicy()
		c.change(&draft, &policy)
		_, _, err := w.service.Create(t.Context(), &w.owner, &draft, &policy, w.actor())
		wrong, ok := errors.AsType[*pat.FieldError](err)
		require.True(t, ok, "%s: %v", name, err)
		require.Equal(t, c.field, wrong.Field, name)
		require.Equal(t, fmt.Sprintf(pat.RuleTexts()[wrong.Rule], wrong.Args...), wrong.Cause, name)
		require.NotContains(t, wrong.Cause, "%!", name)
	}
	require.Empty(t, w.events(audit.TokenCreated))
}

// A joiner is how a word of some scripts is written, and a description is no name.
func TestCreateAcceptsInvisibleCharactersWhereTheyBelong(t *testing.T) {
	w := newWorld(t)
	_, record := w.create(func(d *pat.Draft) { d.Name, d.Description = "می\u200cخواهم", " soft\u00adhyphen " })
	require.Equal(t, "می\u200cخواهم", record.Name)
}

// A name that is refused by now was accepted once: the token has it until it is given
// another.
func TestOldNamesStay(t *testing.T) {
	w := newWorld(t)
	_, record := w.create()
	record.Name = "ci "
	require.NoError(t, w.db.PATs().Replace(t.Context(), record, 0, audit.Event{ID: id.New(), Name: audit.TokenUpdated}))
	same, description, other := "ci ", "builds", "cd "
	change := &pat.Change{Name: &same, Description: &description}
	changed, err := w.service.Update(t.Context(), record.ID, change, &w.policy, w.actor())
	require.NoError(t, err)
	require.Equal(t, "builds", changed.Description)
	_, err = w.service.Update(t.Context(), record.ID, &pat.Change{Name: &other}, &w.policy, w.actor())
	wrong, ok := errors.AsType[*pat.FieldError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, pat.RuleTrimmed, wrong.Rule)
}

func TestCreateExpiry(t *testing.T) {
	w := newWorld(t)
	hour, day := int64(3600), int64(86400)
	for name, c := range map[string]struct {
		change func(*pat.Draft, *directory.Policy)
		want   time.Duration // 0: never
	}{
		"never": {func(*pat.Draft, *directory.Policy) {}, 0},
		"never, acknowledged": {func(d *pat.Draft, p *directory.Policy) {
			d.NeverExpiresAcknowledged, p.RequireNeverExpireAcknowledgement = true, true
		}, 0},
		"default lifetime": {func(_ *pat.Draft, p *directory.Policy) { p.DefaultLifetimeSeconds = &hour }, time.Hour},
		"default, capped":  {func(_ *pat.Draft, p *directory.Policy) { p.DefaultLifetimeSeconds, p.MaxLifetimeSeconds = &day, hour }, time.Hour},
		"acknowledged, no default": {func(d *pat.Draft, p *directory.Policy) {
			d.NeverExpiresAcknowledged, p.DefaultLifetimeSeconds = true, &hour
		}, 0},
		"given": {func(d *pat.Draft, _ *directory.Policy) { d.Expiration = w.clock.now().Add(time.Minute) }, time.Minute},
		"given, truncated": {func(d *pat.Draft, _ *directory.Policy) {
			d.Expiration = w.clock.now().Add(time.Minute + 999*time.Microsecond)
		}, time.Minute},
	} {
		draft, policy := pat.Draft{Name: name, Level: pat.Personal}, directory.DefaultPolicy()
		c.change(&draft, &policy)
		_, record, err := w.service.Create(t.Context(), &w.owner, &draft, &policy, w.actor())
		require.NoError(t, err, name)
		want := time.Time{}
		if c.want != 0 {
			want = w.clock.now().Add(c.want)
		}
		require.True(t, want.Equal(record.Expiration), "%s: %s", name, record.Expiration)
	}
}

func TestCreateNameAndLimit(t *testing.T) {
	w := newWorld(t)
	w.policy.MaxTokensPerOwner = 2
	create := func(name string) (pat.Record, error) {
		_, record, err := w.service.Create(t.Context(), &w.owner, &pat.Draft{Name: name, Level: pat.Personal}, &w.policy, w.actor())
		return record, err
	}
	first, err := create("one")
	require.NoError(t, err)
	_, err = create("one")
	require.ErrorIs(t, err, pat.ErrNameTaken)
	_, err = create("two")
	require.NoError(t, err)
	_, err = create("three")
	require.ErrorIs(t, err, pat.ErrLimit)
	_, _, err = w.service.Revoke(t.Context(), &first, pat.End{}, w.actor())
	require.NoError(t, err)
	_, err = create("three")
	require.NoError(t, err, "only usable tokens count")

	stranger := w.owner
	stranger.ID = "7f0000000000000000000000000000ff"
	_, _, err = w.service.Create(t.Context(), &stranger, &pat.Draft{Name: "x", Level: pat.Personal}, &w.policy, w.actor())
	require.ErrorIs(t, err, pat.ErrNoOwner)
}

func TestCreateByMeansOfAToken(t *testing.T) {
	w := newWorld(t)
	w.policy.MaxTokensPerOwner = 100
	network := netip.MustParsePrefix("192.0.2.0/24")
	_, parent := w.create(func(d *pat.Draft) {
		d.Scope = []string{"orders:read", "idn:my-personal-access-tokens:manage"}
		d.Expiration = w.clock.now().Add(time.Hour)
		d.Audience, d.Networks = []string{"https://a", "https://b"}, []netip.Prefix{network}
	})
	actor := w.actor()
	actor.Parent = &parent
	within := func(name string) *pat.Draft {
		return &pat.Draft{
			Name: name, Level: pat.Personal, Scope: []string{"orders:read"}, Expiration: parent.Expiration,
			Audience: []string{"https://a"}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.128/25")},
		}
	}
	_, child, err := w.service.Create(t.Context(), &w.owner, within("child"), &w.policy, actor)
	require.NoError(t, err)
	require.Equal(t, parent.ID, child.CreatedByPAT)

	open := within("inherits")
	open.Audience, open.Networks = nil, nil
	_, child, err = w.service.Create(t.Context(), &w.owner, open, &w.policy, actor)
	require.NoError(t, err)
	require.Equal(t, parent.Audience, child.Audience)
	require.Equal(t, parent.Networks, child.Networks)

	for name, c := range map[string]struct {
		field string
		widen func(*pat.Draft)
	}{
		"scope":           {"scope", func(d *pat.Draft) { d.Scope = []string{"orders:write"} }},
		"every scope":     {"scope", func(d *pat.Draft) { d.Scope = nil }},
		"never expires":   {"expirationDate", func(d *pat.Draft) { d.Expiration = time.Time{} }},
		"later":           {"expirationDate", func(d *pat.Draft) { d.Expiration = parent.Expiration.Add(time.Millisecond) }},
		"audience":        {"audience", func(d *pat.Draft) { d.Audience = []string{"https://c"} }},
		"network":         {"allowedNetworks", func(d *pat.Draft) { d.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.0.0/16")} }},
		"another network": {"allowedNetworks", func(d *pat.Draft) { d.Networks = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} }},
	} {
		draft := within(name)
		c.widen(draft)
		_, _, err := w.service.Create(t.Context(), &w.owner, draft, &w.policy, actor)
		require.ErrorIs(t, err, pat.ErrWider, name)
		require.Equal(t, &pat.WiderError{Field: c.field}, err, name)
	}

	_, _, err = w.service.Revoke(t.Context(), &parent, pat.End{}, w.actor())
	require.NoError(t, err)
	_, _, err = w.service.Create(t.Context(), &w.owner, within("late"), &w.policy, actor)
	require.ErrorIs(t, err, pat.ErrWider)
	require.ErrorIs(t, err, pat.ErrParentEnded, "since the actor was authenticated")
}

func TestLevelsBoundChildren(t *testing.T) {
	w := newWorld(t)
	w.policy.MaxTokensPerOwner = 0
	for parent, allowed := range map[pat.Level][]pat.Level{
		pat.Personal:     {pat.Personal, pat.Group, pat.Organization},
		pat.Group:        {pat.Group},
		pat.Organization: {pat.Personal, pat.Group, pat.Organization},
	} {
		for _, level := range []pat.Level{pat.Personal, pat.Group, pat.Organization} {
			_, of := w.create(func(d *pat.Draft) { d.Level, d.LevelID = parent, w.owner.Organization })
			actor := w.actor()
			actor.Parent = &of
			_, _, err := w.service.Create(t.Context(), &w.owner,
				&pat.Draft{Name: fmt.Sprint(parent, level), Level: level, LevelID: w.owner.Organization}, &w.policy, actor)
			if slices.Contains(allowed, level) {
				require.NoError(t, err, "%s by %s", level, parent)
			} else {
				require.Equal(t, &pat.WiderError{Field: "level"}, err, "%s by %s", level, parent)
			}
		}
	}
}

// No chain of creations widens anything: whatever is made by means of a token
// covers no scope that the first one did not.
func TestChainsNeverWiden(t *testing.T) {
	w := newWorld(t)
	w.policy.MaxTokensPerOwner = 0
	scopes := []string{"orders:read", "orders:write", pat.ScopeAll, pat.ScopeDefault, pat.ScopeCredentials, "idn:my-personal-access-tokens:manage", "idn:my-personal-access-tokens:read"}
	count := 0
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(label string) *pat.Draft {
			count++
			draft := &pat.Draft{Name: fmt.Sprint("t", count), Level: pat.Personal, Scope: rapid.SliceOfNDistinct(rapid.SampledFrom(scopes), 1, 4, rapid.ID).Draw(rt, label)}
			if rapid.Bool().Draw(rt, label+" expires") {
				draft.Expiration = w.clock.now().Add(time.Duration(rapid.IntRange(1, 100).Draw(rt, label+" after")) * time.Hour)
			}
			return draft
		}
		_, first, err := w.service.Create(t.Context(), &w.owner, draw("first"), &w.policy, w.actor())
		require.NoError(rt, err)
		last := first
		for i := range rapid.IntRange(1, 4).Draw(rt, "length") {
			actor := w.actor()
			actor.Parent = &last
			_, next, err := w.service.Create(t.Context(), &w.owner, draw(fmt.Sprint("step", i)), &w.policy, actor)
			if err != nil {
				require.ErrorIs(rt, err, pat.ErrWider)
				continue
			}
			last = next
		}
		for _, scope := range scopes {
			require.False(rt, pat.Covers(last.Scope, scope) && !pat.Covers(first.Scope, scope), scope)
		}
		if !first.Expiration.IsZero() {
			require.False(rt, last.Expiration.IsZero() || last.Expiration.After(first.Expiration))
		}
	})
}

func TestUpdate(t *testing.T) {
	w := newWorld(t)
	token, record := w.create(func(d *pat.Draft) { d.Expiration = w.clock.now().Add(time.Hour) })
	w.clock.advance(2 * time.Hour)
	require.Equal(t, pat.Expired, record.Status(w.clock.now()))

	later, name, description := w.clock.now().Add(time.Hour), "renamed", "text"
	after, err := w.service.Update(t.Context(), record.ID, &pat.Change{
		Expiration: &later, Name: &name, Description: &description, Scope: &[]string{}, Audience: &[]string{"https://a"},
		Networks: &[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	}, &w.policy, w.actor())
	require.NoError(t, err)
	require.Equal(t, pat.Active, after.Status(w.clock.now()), "an Expired token whose expiry moves is Active again")
	require.Equal(t, []string{pat.ScopeDefault}, after.Scope)
	require.Equal(t, after, w.stored(record.ID))
	require.Len(t, w.events(audit.TokenUpdated), 1)
	_, err = w.use(token)
	require.NoError(t, err)

	never, aware := time.Time{}, true
	after, err = w.service.Update(t.Context(), record.ID, &pat.Change{Expiration: &never, NeverExpiresAcknowledged: &aware}, &w.policy, w.actor())
	require.NoError(t, err)
	require.True(t, after.Expiration.IsZero())

	past := w.clock.now()
	_, err = w.service.Update(t.Context(), record.ID, &pat.Change{Expiration: &past}, &w.policy, w.actor())
	require.Error(t, err)
	bad := ""
	_, err = w.service.Update(t.Context(), record.ID, &pat.Change{Name: &bad}, &w.policy, w.actor())
	require.Error(t, err)
	_, other := w.create()
	_, err = w.service.Update(t.Context(), other.ID, &pat.Change{Name: &name}, &w.policy, w.actor())
	require.ErrorIs(t, err, pat.ErrNameTaken)
	_, err = w.service.Update(t.Context(), pat.NewID(w.owner.ID), &pat.Change{Name: &name}, &w.policy, w.actor())
	require.ErrorIs(t, err, pat.ErrNotFound)
}

func TestUpdateByMeansOfAToken(t *testing.T) {
	w := newWorld(t)
	_, wide := w.create()
	_, narrow := w.create(func(d *pat.Draft) { d.Scope = []string{"idn:my-personal-access-tokens:manage"} })
	actor := w.actor()
	actor.Parent = &narrow
	name, all := "renamed", []string{pat.ScopeAll}
	_, err := w.service.Update(t.Context(), wide.ID, &pat.Change{Name: &name}, &w.policy, actor)
	require.NoError(t, err, "a name is bound by nothing")
	_, err = w.service.Update(t.Context(), wide.ID, &pat.Change{Scope: &all}, &w.policy, actor)
	require.ErrorIs(t, err, pat.ErrWider)
	_, _, err = w.service.Rotate(t.Context(), wide.ID, pat.Rotation{}, &w.policy, actor)
	require.Equal(t, &pat.WiderError{Field: "scope"}, err, "the new secret would be the narrow token's to use")
	_, _, err = w.service.Rotate(t.Context(), narrow.ID, pat.Rotation{}, &w.policy, actor)
	require.NoError(t, err, "a token may rotate itself")
}

// A token never becomes wider by means of itself, nor wider than the one that
// made it by means of a third.
func TestUpdateWidensNothing(t *testing.T) {
	w := newWorld(t)
	_, wide := w.create()
	_, parent := w.create(func(d *pat.Draft) {
		d.Scope = []string{"idn:my-personal-access-tokens:manage", "orders:read"}
		d.Expiration = w.clock.now().Add(time.Hour)
		d.Audience, d.Networks = []string{"https://a"}, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})
	by := func(parent *pat.Record) pat.Actor {
		actor := w.actor()
		actor.Parent = parent
		return actor
	}
	_, child, err := w.service.Create(t.Context(), &w.owner, &pat.Draft{
		Name: "child", Level: pat.Personal, Scope: []string{"orders:read"}, Expiration: parent.Expiration,
	}, &w.policy, by(&parent))
	require.NoError(t, err)
	require.Equal(t, []pat.ID{parent.ID}, child.Lineage)

	later, never, aware := parent.Expiration.Add(time.Second), time.Time{}, true
	for name, change := range map[string]pat.Change{
		"scope":       {Scope: &[]string{pat.ScopeAll}},
		"credentials": {Scope: &[]string{"orders:read", pat.ScopeCredentials}},
		"expiry":      {Expiration: &later},
		"never":       {Expiration: &never, NeverExpiresAcknowledged: &aware},
		"audience":    {Audience: &[]string{}},
		"networks":    {Networks: &[]netip.Prefix{}},
	} {
		for who, target := range map[string]struct {
			id    pat.ID
			actor pat.Actor
		}{"itself": {parent.ID, by(&parent)}, "its child": {child.ID, by(&child)}, "child by a third": {child.ID, by(&wide)}} {
			_, err := w.service.Update(t.Context(), target.id, &change, &w.policy, target.actor)
			wider, ok := errors.AsType[*pat.WiderError](err)
			require.True(t, ok, "%s of %s: %v", name, who, err)
			require.Equal(t, who == "child by a third" && name != "credentials", wider.ByMaker, "%s of %s", name, who)
		}
	}
	_, err = w.service.Update(t.Context(), parent.ID, &pat.Change{Scope: &[]string{"orders:read"}}, &w.policy, by(&parent))
	require.NoError(t, err, "narrower is fine")
	require.NoError(t, w.service.Delete(t.Context(), &parent, w.actor()))
	_, err = w.service.Update(t.Context(), child.ID, &pat.Change{Scope: &[]string{"orders:write"}}, &w.policy, by(&wide))
	require.NoError(t, err, "what made it is gone")
}

func TestUpdateRefusesWhatHasEnded(t *testing.T) {
	w := newWorld(t)
	_, record := w.create()
	_, _, err := w.service.Revoke(t.Context(), &record, pat.End{}, w.actor())
	require.NoError(t, err)
	name := "renamed"
	_, err = w.service.Update(t.Context(), record.ID, &pat.Change{Name: &name}, &w.policy, w.actor())
	require.ErrorIs(t, err, pat.ErrNotActive)
	require.Equal(t, &pat.NotActiveError{Status: pat.Revoked}, err)

	token, record := w.create(func(d *pat.Draft) { d.Expiration = w.clock.now().Add(time.Hour) })
	w.clock.advance(time.Hour)
	_, err = w.use(token)
	require.Error(t, err)
	_, err = w.service.Update(t.Context(), record.ID, &pat.Change{Name: &name}, &w.policy, w.actor())
	require.Equal(t, &pat.NotActiveError{Status: pat.AutoRevoked}, err)

	_, record = w.create(func(d *pat.Draft) { d.Level, d.LevelID = pat.Organization, w.owner.Organization })
	_, _, err = w.service.Revoke(t.Context(), &record, pat.End{Reversible: true}, w.actor())
	require.NoError(t, err)
	_, err = w.service.Update(t.Context(), record.ID, &pat.Change{Name: &name}, &w.policy, w.actor())
	require.Equal(t, &pat.NotActiveError{Status: pat.Revoked, Reversible: true}, err)
}

// The longest life counts from creation, and a lineage does not outlive its
// first token.
func TestNoSeriesOutlivesTheLongestLife(t *testing.T) {
	w := newWorld(t)
	w.policy.MaxLifetimeSeconds, w.policy.EnforceOnExisting = 3600, true
	_, record := w.create(func(d *pat.Draft) { d.Expiration = w.clock.now().Add(time.Hour) })
	w.clock.advance(30 * time.Minute)
	later := record.Expiration.Add(time.Second)
	_, err := w.service.Update(t.Context(), record.ID, &pat.Change{Expiration: &later}, &w.policy, w.actor())
	wrong, ok := errors.AsType[*pat.FieldError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "expirationDate", wrong.Field)

	old := record // from before the limit: its own date is past the cap
	old.Expiration = w.clock.now().Add(24 * time.Hour)
	actor := w.actor()
	actor.Parent = &old
	_, _, err = w.service.Create(t.Context(), &w.owner, &pat.Draft{Name: "child", Level: pat.Personal, Expiration: w.clock.now().Add(time.Hour)}, &w.policy, actor)
	require.ErrorIs(t, err, pat.ErrWider)
}

func TestLineageIsBounded(t *testing.T) {
	w := newWorld(t)
	w.policy.MaxTokensPerOwner = 0
	_, last := w.create()
	for i := range pat.MaxLineage + 1 {
		actor := w.actor()
		actor.Parent = &last
		_, next, err := w.service.Create(t.Context(), &w.owner, &pat.Draft{Name: fmt.Sprint("step ", i), Level: pat.Personal}, &w.policy, actor)
		if i == pat.MaxLineage {
			require.ErrorIs(t, err, pat.ErrLineage)
			return
		}
		require.NoError(t, err)
		require.Len(t, next.Lineage, i+1)
		last = next
	}
}

func TestConcurrentUpdatesLoseNothing(t *testing.T) {
	w := newWorld(t)
	_, record := w.create()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			text := fmt.Sprint(i)
			if _, err := w.service.Update(t.Context(), record.ID, &pat.Change{Description: &text}, &w.policy, w.actor()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 9, w.stored(record.ID).Revision)
	require.Len(t, w.events(audit.TokenUpdated), 8)
}

func TestRotateWithGrace(t *testing.T) {
	w := newWorld(t)
	old, record := w.create()
	fresh, after, err := w.service.Rotate(t.Context(), record.ID, pat.Rotation{Grace: time.Hour}, &w.policy, w.actor())
	require.NoError(t, err)
	require.Equal(t, record.ID, fresh.ID())
	require.False(t, fresh.Secret().Equal(old.Secret()))
	require.EqualValues(t, 1, after.Generation, "JWTs of the old secret live on within the grace period")

	use, err := w.use(fresh)
	require.NoError(t, err)
	require.False(t, use.OldSecret)
	for range 2 {
		use, err = w.use(old)
		require.NoError(t, err)
		require.True(t, use.OldSecret)
		require.NoError(t, w.service.Touch(t.Context(), &use, pat.Minted, origin))
	}
	stragglers := w.stored(record.ID).OldUses
	require.Len(t, stragglers, 1, "one note per address")
	require.Equal(t, origin.IP, stragglers[0].IP)
	require.Equal(t, origin.UserAgent, stragglers[0].UserAgent)

	w.clock.advance(time.Hour)
	_, err = w.use(old)
	require.Equal(t, pat.ErrOldSecret, err)
	require.ErrorIs(t, err, pat.ErrUnproved, "to whoever sends it, it is a wrong secret")
	_, err = w.use(fresh)
	require.NoError(t, err)
}

func TestRotateWithoutGrace(t *testing.T) {
	w := newWorld(t)
	old, record := w.create()
	fresh, after, err := w.service.Rotate(t.Context(), record.ID, pat.Rotation{Reason: pat.Compromised}, &w.policy, w.actor())
	require.NoError(t, err)
	require.EqualValues(t, 2, after.Generation, "JWTs from before are dead")
	require.True(t, after.Verifier.PreviousUntil.IsZero(), "no clock may differ about when the grace is over")
	_, err = w.use(old)
	require.ErrorIs(t, err, pat.ErrUnproved)
	_, err = w.use(fresh)
	require.NoError(t, err)
	events := w.events(audit.TokenRotated)
	require.Len(t, events, 1)
	require.Equal(t, string(pat.Compromised), events[0].Reason)
}

func TestRotateRefuses(t *testing.T) {
	w := newWorld(t)
	_, record := w.create(func(d *pat.Draft) { d.Expiration = w.clock.now().Add(time.Hour) })
	for _, grace := range []time.Duration{-time.Second, pat.MaxGrace + time.Second} {
		_, _, err := w.service.Rotate(t.Context(), record.ID, pat.Rotation{Grace: grace}, &w.policy, w.actor())
		require.Error(t, err)
	}
	_, _, err := w.service.Rotate(t.Context(), record.ID, pat.Rotation{Grace: time.Second, Reason: pat.Compromised}, &w.policy, w.actor())
	require.ErrorContains(t, err, "gracePeriodSeconds: must be 0 or absent with the reason compromised")
	require.Equal(t, record, w.stored(record.ID))
	w.clock.advance(time.Hour)
	_, _, err = w.service.Rotate(t.Context(), record.ID, pat.Rotation{}, &w.policy, w.actor())
	require.ErrorIs(t, err, pat.ErrNotActive)
	require.Equal(t, &pat.NotActiveError{Status: pat.Expired}, err)
}

func TestRevokeAndReactivate(t *testing.T) {
	w := newWorld(t)
	organization := func(d *pat.Draft) { d.Level, d.LevelID = pat.Organization, w.owner.Organization }
	token, record := w.create(organization)
	after, changed, err := w.service.Revoke(t.Context(), &record, pat.End{Reversible: true}, w.actor())
	require.NoError(t, err)
	require.True(t, changed)
	require.Equal(t, pat.Other, after.RevokeReason)
	require.True(t, after.Reactivatable(w.clock.now()))
	_, changed, err = w.service.Revoke(t.Context(), &record, pat.End{Reversible: true}, w.actor())
	require.NoError(t, err)
	require.False(t, changed)

	back, err := w.service.Reactivate(t.Context(), record.ID, 0, &w.policy, w.actor())
	require.NoError(t, err)
	require.EqualValues(t, 2, back.Generation, "JWTs from before stay dead")
	require.Equal(t, pat.Active, back.Status(w.clock.now()))
	_, err = w.use(token)
	require.NoError(t, err)

	// The reader still has generation 1; ending a token means the one that is.
	_, changed, err = w.service.Revoke(t.Context(), &record, pat.End{Reason: pat.Compromised, Reversible: true}, w.actor())
	require.NoError(t, err)
	require.True(t, changed)
	_, err = w.service.Reactivate(t.Context(), record.ID, 0, &w.policy, w.actor())
	require.ErrorIs(t, err, pat.ErrNotReactivatable, "a leak is final at every level")
	require.Len(t, w.events(audit.TokenRevoked), 2)
	require.Len(t, w.events(audit.TokenReactivated), 1)
}

func TestRevokeIsFinalForPersonalTokens(t *testing.T) {
	w := newWorld(t)
	_, record := w.create()
	_, _, err := w.service.Revoke(t.Context(), &record, pat.End{Reversible: true}, w.actor())
	require.NoError(t, err)
	_, err = w.service.Reactivate(t.Context(), record.ID, 0, &w.policy, w.actor())
	require.ErrorIs(t, err, pat.ErrNotReactivatable)
	_, err = w.service.Reactivate(t.Context(), pat.NewID(w.owner.ID), 0, &w.policy, w.actor())
	require.ErrorIs(t, err, pat.ErrNotFound)
	gone := pat.Record{ID: pat.NewID(w.owner.ID)}
	_, _, err = w.service.Revoke(t.Context(), &gone, pat.End{}, w.actor())
	require.ErrorIs(t, err, pat.ErrNotFound)
}

func TestRevokeCascades(t *testing.T) {
	w := newWorld(t)
	w.policy.MaxTokensPerOwner = 0
	child := func(parent *pat.Record) pat.Record {
		actor := w.actor()
		actor.Parent = parent
		_, record, err := w.service.Create(t.Context(), &w.owner, &pat.Draft{Name: "of " + string(parent.ID), Level: pat.Personal}, &w.policy, actor)
		require.NoError(t, err)
		return record
	}
	for name, c := range map[string]struct {
		end  pat.End
		want pat.State
	}{
		"plain":   {pat.End{}, pat.StateActive},
		"cascade": {pat.End{Cascade: true}, pat.StateRevoked},
		"leak":    {pat.End{Reason: pat.Compromised}, pat.StateRevoked},
	} {
		_, parent := w.create()
		one := child(&parent)
		two := child(&one)
		_, _, err := w.service.Revoke(t.Context(), &parent, c.end, w.actor())
		require.NoError(t, err, name)
		require.Equal(t, pat.StateRevoked, w.stored(parent.ID).State, name)
		require.Equal(t, c.want, w.stored(one.ID).State, name)
		require.Equal(t, c.want, w.stored(two.ID).State, name)
	}
}

// A leak ends what a token made, also where a link in between is gone, and
// when the client leaves.
func TestRevokeCascadesPastADeletedLink(t *testing.T) {
	w := newWorld(t)
	_, first := w.create()
	by := func(parent pat.Record, name string) pat.Record {
		actor := w.actor()
		actor.Parent = &parent
		_, record, err := w.service.Create(t.Context(), &w.owner, &pat.Draft{Name: name, Level: pat.Personal}, &w.policy, actor)
		require.NoError(t, err)
		return record
	}
	middle := by(first, "middle")
	last := by(middle, "last")
	require.NoError(t, w.service.Delete(t.Context(), &middle, w.actor()))
	_, _, err := w.service.Revoke(t.Context(), &first, pat.End{Reason: pat.Compromised}, w.actor())
	require.NoError(t, err)
	require.Equal(t, pat.StateRevoked, w.stored(last.ID).State)
}

func TestDelete(t *testing.T) {
	w := newWorld(t)
	token, record := w.create(func(d *pat.Draft) { d.Name = "ci" })
	require.NoError(t, w.service.Delete(t.Context(), &record, w.actor()))
	_, err := w.use(token)
	require.Equal(t, pat.ErrUnproved, err)
	require.ErrorIs(t, w.service.Delete(t.Context(), &record, w.actor()), pat.ErrNotFound)
	require.Len(t, w.events(audit.TokenDeleted), 1)
	w.create(func(d *pat.Draft) { d.Name = "ci" })
}

func TestList(t *testing.T) {
	w := newWorld(t)
	var want []pat.ID
	for range 3 {
		_, record := w.create()
		want = append([]pat.ID{record.ID}, want...)
		w.clock.advance(time.Second)
	}
	var got []pat.ID
	for record, err := range w.service.List(t.Context(), pat.Query{Organization: w.owner.Organization, Holder: w.owner.ID}) {
		require.NoError(t, err)
		got = append(got, record.ID)
	}
	require.Equal(t, want, got, "newest first")
}

func TestParseNetworks(t *testing.T) {
	networks, err := pat.ParseNetworks("allowedNetworks", []string{"192.0.2.9/24", "198.51.100.7", "2001:db8::/32"})
	require.NoError(t, err)
	require.Equal(t, "[192.0.2.0/24 198.51.100.7/32 2001:db8::/32]", fmt.Sprint(networks))
	for name, bad := range map[string][]string{
		"word": {"home"}, "mapped": {"::ffff:192.0.2.0/120"}, "zone": {"fe80::1%eth0"}, "101": make([]string, 101), "bits": {"192.0.2.0/33"},
	} {
		_, err := pat.ParseNetworks("allowedNetworks", bad)
		require.Error(t, err, name)
	}
}

func TestNewServiceNeedsAll(t *testing.T) {
	w := newWorld(t)
	peppers, err := pat.NewPeppers(pepper(1))
	require.NoError(t, err)
	whole := pat.Config{Store: w.db.PATs(), Uses: w.db.Uses(), Format: newFormat(t), Peppers: peppers, Now: w.clock.now}
	_, err = pat.NewService(whole)
	require.NoError(t, err)
	for name, without := range map[string]func(*pat.Config){
		"store": func(c *pat.Config) { c.Store = nil }, "uses": func(c *pat.Config) { c.Uses = nil }, "format": func(c *pat.Config) { c.Format = pat.Format{} },
		"peppers": func(c *pat.Config) { c.Peppers = nil }, "clock": func(c *pat.Config) { c.Now = nil },
	} {
		config := whole
		without(&config)
		_, err := pat.NewService(config)
		require.Error(t, err, name)
	}
}

func TestStoreTroubleIsPassedOn(t *testing.T) {
	w := newWorld(t)
	_, record := w.create()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	name := "x"
	_, err := w.service.Update(ended, record.ID, &pat.Change{Name: &name}, &w.policy, w.actor())
	require.Error(t, err)
	_, _, err = w.service.Revoke(ended, &record, pat.End{Cascade: true}, w.actor())
	require.Error(t, err)
	require.Error(t, w.service.Delete(ended, &record, w.actor()))
	_, err = w.service.RevokeAccessToken(ended, &record, "j", w.clock.now(), w.actor())
	require.Error(t, err)
	require.Equal(t, pat.StateActive, w.stored(record.ID).State)
}
