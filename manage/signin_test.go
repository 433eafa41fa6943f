package manage_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

const provider = "https://idp.example.com"

var from = audit.Origin{IP: "192.0.2.7", UserAgent: "browser", TrackingID: "0123456789abcdef0123456789abcdef"}

// trail keeps the events of logins, or refuses them.
type trail struct {
	mu     sync.Mutex
	events []audit.Event
	err    error
}

func (r *trail) Record(event audit.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.events = append(r.events, event)
	}
	return r.err
}

// taken returns the events since the last call.
func (r *trail) taken() []audit.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// logins is a world where people log in at a provider.
type logins struct {
	*world

	manager *manage.Manager
	trail   *trail
	home    directory.Organization
}

// onLogins runs a test over both stores.
func onLogins(t *testing.T, test func(l *logins)) {
	t.Helper()
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		test(newLogins(t, w))
	})
}

func newLogins(t *testing.T, w *world) *logins {
	t.Helper()
	l := &logins{world: w, trail: &trail{}}
	services, err := exchange.NewServices(issuer, service, exchange.Service{Audience: service, AnyScope: true})
	require.NoError(t, err)
	l.manager, err = manage.New(manage.Config{
		Tokens: w.tokens, Directory: w.people, Keys: noKeys{}, Services: services, Trail: audit.NewArchive(t.TempDir()), Now: w.clock.now,
		Audit: l.trail,
	})
	require.NoError(t, err)
	l.home = l.organization(directory.DefaultPolicy())
	return l
}

// assertion is what the provider says of somebody, whose key is their subject.
func assertion(subject string, groups ...string) *manage.Assertion {
	return &manage.Assertion{
		Issuer: provider, Subject: subject, Key: subject, Username: subject, DisplayName: "Some Body", Email: subject + "@example.com", Groups: groups,
	}
}

func (l *logins) signIn(who *manage.Assertion, rules manage.SignInRules) (*manage.SignedIn, error) {
	l.Helper()
	return l.manager.SignIn(l.Context(), l.home.Name, who, rules, from)
}

func (l *logins) mustSignIn(who *manage.Assertion, rules manage.SignInRules) *manage.SignedIn {
	l.Helper()
	signed, err := l.signIn(who, rules)
	require.NoError(l, err)
	return signed
}

// known makes a person with an externalId.
func (l *logins) known(externalID string, change ...func(*directory.Identity)) directory.Identity {
	l.Helper()
	made := l.person(l.home.ID)
	return l.change(made.ID, func(i *directory.Identity) {
		i.ExternalID = externalID
		for _, one := range change {
			one(i)
		}
	})
}

func (l *logins) change(who directory.ID, change func(*directory.Identity)) directory.Identity {
	l.Helper()
	after, err := l.people.UpdateIdentity(l.Context(), who, func(i *directory.Identity) error {
		change(i)
		return nil
	}, directory.Actor{})
	require.NoError(l, err)
	return after
}

func (l *logins) find(who directory.ID) directory.Identity {
	l.Helper()
	found, err := l.people.Find(l.Context(), who)
	require.NoError(l, err)
	return found
}

func (l *logins) group(name string) directory.Group {
	l.Helper()
	made, err := l.people.CreateGroup(l.Context(), directory.Group{Organization: l.home.ID, Name: name}, directory.Actor{})
	require.NoError(l, err)
	return made
}

// groupsOf lists the names of the direct groups of an identity.
func (l *logins) groupsOf(who directory.ID) []string {
	l.Helper()
	snapshot, names := l.snapshot(), []string{}
	for _, group := range l.find(who).Groups {
		known, ok := snapshot.Group(group)
		require.True(l, ok)
		names = append(names, known.Name)
	}
	slices.Sort(names)
	return names
}

// linked lists all identities that have a subject of the provider.
func (l *logins) linked(subject string) []directory.ID {
	l.Helper()
	var linked []directory.ID
	for _, organization := range l.snapshot().Organizations() {
		for identity, err := range l.people.ListIdentities(l.Context(), organization.ID) {
			require.NoError(l, err)
			if identity.Issuer == provider && identity.Subject == subject {
				linked = append(linked, identity.ID)
			}
		}
	}
	return linked
}

func TestFirstLogin(t *testing.T) {
	onLogins(t, func(l *logins) {
		known := l.known("sub-1")
		signed := l.mustSignIn(assertion("sub-1"), manage.SignInRules{})
		require.Equal(l, known.ID, signed.Identity.ID)
		after := l.find(known.ID)
		require.Equal(l, provider, after.Issuer)
		require.Equal(l, "sub-1", after.Subject)
		require.WithinDuration(l, l.clock.now(), after.LastLogin, time.Minute)
		require.Equal(l, known.Username, after.Username, "what the provider calls somebody is no change")
		events := l.trail.taken()
		require.Len(l, events, 1)
		event := events[0]
		require.NotEmpty(l, event.ID)
		event.ID, event.Time = "", time.Time{}
		require.Equal(l, audit.Event{
			Name: audit.Login, Organization: string(l.home.ID), Actor: string(known.ID), Subject: string(known.ID), Outcome: audit.Success,
			Reason: "provider_first_login", IP: from.IP, UserAgent: from.UserAgent, TrackingID: from.TrackingID,
		}, event)

		// From then on the link alone counts.
		l.change(known.ID, func(i *directory.Identity) { i.ExternalID, i.Email, i.Username = "another", "", "renamed" })
		thief := l.known("sub-1")
		signed = l.mustSignIn(assertion("sub-1"), manage.SignInRules{CreateUnknown: true})
		require.Equal(l, known.ID, signed.Identity.ID)
		require.Empty(l, l.find(thief.ID).Issuer)
		require.Equal(l, "provider", l.trail.taken()[0].Reason)
	})
}

// TestNoLoginByOtherNames: neither the address nor the username finds anybody.
func TestNoLoginByOtherNames(t *testing.T) {
	onLogins(t, func(l *logins) {
		victim := l.known("another", func(i *directory.Identity) { i.Email, i.Username = "sub-1@example.com", "sub-1" })
		_, err := l.signIn(assertion("sub-1"), manage.SignInRules{})
		require.ErrorIs(l, err, manage.ErrUnknownPerson)
		require.Empty(l, l.find(victim.ID).Subject)
		event := l.trail.taken()[0]
		require.Equal(l, audit.Failure, event.Outcome)
		require.Equal(l, `unknown_person iss="https://idp.example.com" sub="sub-1"`, event.Reason)
		require.Equal(l, string(l.home.ID), event.Organization)
		require.Empty(l, event.Actor, "nobody was proved")

		signed := l.mustSignIn(assertion("sub-1"), manage.SignInRules{CreateUnknown: true})
		require.NotEqual(l, victim.ID, signed.Identity.ID)
		require.Equal(l, "sub-1-2", signed.Identity.Username)
	})
}

func TestLinkedToAnother(t *testing.T) {
	onLogins(t, func(l *logins) {
		for name, link := range map[string][2]string{
			"another subject": {provider, "sub-9"}, "another issuer": {"https://other.example.com", "key"},
		} {
			known := l.known("key "+name, func(i *directory.Identity) { i.Issuer, i.Subject = link[0], link[1] })
			who := assertion("key")
			who.Key = known.ExternalID
			_, err := l.signIn(who, manage.SignInRules{CreateUnknown: true})
			require.ErrorIs(l, err, manage.ErrLinked, name)
			require.Equal(l, link[1], l.find(known.ID).Subject)
			event := l.trail.taken()[0]
			require.Contains(l, event.Reason, "linked_to_another ")
			require.Equal(l, string(known.ID), event.Subject)
		}
	})
}

// TestWhoMayNotLogIn: at the first login as at a later one, and then nothing changes.
func TestWhoMayNotLogIn(t *testing.T) {
	onLogins(t, func(l *logins) {
		staff := l.group("staff")
		for name, bar := range map[string]func(*directory.Identity){
			"disabled":       func(i *directory.Identity) { i.Enabled = false },
			"technical user": func(i *directory.Identity) { i.Type = directory.TechnicalUser },
		} {
			for _, linked := range []bool{false, true} {
				known := l.known(name+fmt.Sprint(linked), bar)
				if linked {
					known = l.change(known.ID, func(i *directory.Identity) { i.Issuer, i.Subject = provider, known.ExternalID })
				}
				_, err := l.signIn(assertion(known.ExternalID, staff.Name), manage.SignInRules{CreateUnknown: true, SyncGroups: true})
				require.ErrorIs(l, err, manage.ErrMayNotAct, name)
				require.Equal(l, known, l.find(known.ID))
				event := l.trail.taken()[0]
				require.Contains(l, event.Reason, "may_not_act ")
				require.Equal(l, string(known.ID), event.Subject)
			}
		}
	})
}

// TestTwoOrganizations: the link counts wherever it is, and two are one too many.
func TestTwoOrganizations(t *testing.T) {
	onLogins(t, func(l *logins) {
		elsewhere := l.person(l.organization(directory.DefaultPolicy()).ID)
		elsewhere = l.change(elsewhere.ID, func(i *directory.Identity) { i.Issuer, i.Subject = provider, "sub-1" })
		mine := l.known("sub-1")
		signed := l.mustSignIn(assertion("sub-1"), manage.SignInRules{CreateUnknown: true})
		require.Equal(l, elsewhere.ID, signed.Identity.ID)
		l.trail.taken()

		mine.Issuer, mine.Subject = provider, "sub-1"
		require.NoError(l, l.people.ReplaceIdentity(l.Context(), mine, directory.Actor{}), "as two at the same moment could")
		_, err := l.signIn(assertion("sub-1"), manage.SignInRules{CreateUnknown: true})
		require.ErrorIs(l, err, manage.ErrAmbiguous)
		require.Contains(l, l.trail.taken()[0].Reason, "two_identities ")
	})
}

func TestOrganizationOfFirstLogins(t *testing.T) {
	onLogins(t, func(l *logins) {
		known := l.known("sub-1")
		_, err := l.manager.SignIn(l.Context(), "nowhere", assertion("sub-1"), manage.SignInRules{}, from)
		require.ErrorIs(l, err, manage.ErrNoOrganization)
		other := l.organization(directory.DefaultPolicy())
		_, err = l.manager.SignIn(l.Context(), other.Name, assertion("sub-1"), manage.SignInRules{}, from)
		require.ErrorIs(l, err, manage.ErrUnknownPerson, "an externalId is of its organization only")
		signed, err := l.manager.SignIn(l.Context(), string(l.home.ID), assertion("sub-1"), manage.SignInRules{}, from)
		require.NoError(l, err)
		require.Equal(l, known.ID, signed.Identity.ID)
	})
}

func TestCreateUnknown(t *testing.T) {
	onLogins(t, func(l *logins) {
		for i, tc := range []struct {
			told, want [3]string // username, display name, address
		}{
			{[3]string{"al", "Al Bo", "al@example.com"}, [3]string{"al", "Al Bo", "al@example.com"}},
			{[3]string{"al", "Al Bo", "al@example.com"}, [3]string{"al-2", "Al Bo", "al@example.com"}},
			{[3]string{"", "", ""}, [3]string{"key 2", "key 2", ""}},
			{[3]string{"bo", "", "nobody"}, [3]string{"bo", "bo", ""}},
			{[3]string{" ad\u200bmi\u202en\u0007 ", "x", "a\u0007@b"}, [3]string{"admin", "x", ""}},
			{[3]string{"admin", "x", "a@b"}, [3]string{"admin-2", "x", "a@b"}},
			{[3]string{"\u200b", "\u2060", "a@b"}, [3]string{"key 6", "key 6", "a@b"}},
			{[3]string{"a\xffb", "x", "a@b"}, [3]string{"ab", "x", "a@b"}},
			{[3]string{strings.Repeat("é", 300), strings.Repeat("é", 300), ""}, [3]string{strings.Repeat("é", 200), strings.Repeat("é", 200), ""}},
		} {
			who := assertion(fmt.Sprint("key ", i))
			who.Username, who.DisplayName, who.Email = tc.told[0], tc.told[1], tc.told[2]
			made := l.mustSignIn(who, manage.SignInRules{CreateUnknown: true}).Identity
			require.Equal(l, tc.want, [3]string{made.Username, made.DisplayName, made.Email})
			require.Equal(l, who.Key, made.ExternalID)
			require.Equal(l, who.Subject, made.Subject)
			require.True(l, made.Enabled)
			require.Equal(l, directory.User, made.Type)
			require.Equal(l, l.home.ID, made.Organization)
			access := l.snapshot().AccessOf(&made)
			require.Empty(l, access.Assignments(), "no roles")
			require.Empty(l, made.Groups)
			require.Equal(l, "provider_new_identity", l.trail.taken()[0].Reason)

			again := l.mustSignIn(who, manage.SignInRules{CreateUnknown: true})
			require.Equal(l, made.ID, again.Identity.ID)
			require.Equal(l, "provider", l.trail.taken()[0].Reason)
		}
	})
}

// TestCreateAmongMany: the username is somebody's, and with each number behind too.
func TestCreateAmongMany(t *testing.T) {
	onLogins(t, func(l *logins) {
		seen := map[string]bool{}
		for i := range 25 {
			who := assertion(fmt.Sprint("sub-", i))
			who.Username = "al"
			name := l.mustSignIn(who, manage.SignInRules{CreateUnknown: true}).Identity.Username
			require.False(l, seen[name])
			seen[name] = true
			require.True(l, strings.HasPrefix(name, "al"))
		}
	})
}

func TestInvalidKey(t *testing.T) {
	onLogins(t, func(l *logins) {
		who := assertion("sub-1")
		who.Key = strings.Repeat("a", 256)
		_, err := l.signIn(who, manage.SignInRules{CreateUnknown: true})
		_, ok := errors.AsType[*directory.FieldError](err)
		require.True(l, ok, "%v", err)
		require.Contains(l, l.trail.taken()[0].Reason, "invalid_externalId ")
		for _, lacking := range []func(*manage.Assertion){
			func(a *manage.Assertion) { a.Issuer = "" }, func(a *manage.Assertion) { a.Subject = "" }, func(a *manage.Assertion) { a.Key = "" },
		} {
			who := assertion("sub-1")
			lacking(who)
			_, err := l.signIn(who, manage.SignInRules{CreateUnknown: true})
			require.Error(l, err)
		}
	})
}

// crowd is how many log in together.
const crowd = 8

// together runs logins at once, and returns who was signed in, and what else came of it.
func (l *logins) together(who func(i int) *manage.Assertion, rules manage.SignInRules) ([]directory.ID, []error) {
	l.Helper()
	var all sync.WaitGroup
	ids, errs := make([]directory.ID, crowd), make([]error, crowd)
	for i := range crowd {
		all.Go(func() {
			signed, err := l.signIn(who(i), rules)
			if errs[i] = err; err == nil {
				ids[i] = signed.Identity.ID
			}
		})
	}
	all.Wait()
	return ids, errs
}

// TestRaces: however many first logins come at once, a link is one identity's and an
// identity one person's.
func TestRaces(t *testing.T) {
	onLogins(t, func(l *logins) {
		one := l.known("one")
		ids, errs := l.together(func(int) *manage.Assertion { return assertion("one") }, manage.SignInRules{})
		for i := range crowd {
			require.NoError(l, errs[i])
			require.Equal(l, one.ID, ids[i])
		}

		// One person whose key changes, by which each login finds another identity.
		for i := range crowd {
			l.known(fmt.Sprint("key-", i))
		}
		ids, errs = l.together(func(i int) *manage.Assertion {
			who := assertion("two")
			who.Key = fmt.Sprint("key-", i)
			return who
		}, manage.SignInRules{})
		linked := l.linked("two")
		require.Len(l, linked, 1)
		for i := range crowd {
			require.NoError(l, errs[i])
			require.Equal(l, linked[0], ids[i])
		}

		// People who have the same key.
		shared := l.known("shared")
		ids, errs = l.together(func(i int) *manage.Assertion {
			who := assertion(fmt.Sprint("three-", i))
			who.Key = "shared"
			return who
		}, manage.SignInRules{CreateUnknown: true})
		won := 0
		for i := range crowd {
			if errs[i] == nil {
				won++
				require.Equal(l, shared.ID, ids[i])
				require.Equal(l, fmt.Sprint("three-", i), l.find(shared.ID).Subject)
			} else {
				require.ErrorIs(l, errs[i], manage.ErrLinked)
			}
		}
		require.Equal(l, 1, won)

		// Somebody new.
		ids, errs = l.together(func(int) *manage.Assertion { return assertion("four") }, manage.SignInRules{CreateUnknown: true})
		linked = l.linked("four")
		require.Len(l, linked, 1)
		for i := range crowd {
			require.NoError(l, errs[i])
			require.Equal(l, linked[0], ids[i])
		}

		// People who are called the same.
		ids, errs = l.together(func(i int) *manage.Assertion {
			who := assertion(fmt.Sprint("five-", i))
			who.Username = "five"
			return who
		}, manage.SignInRules{CreateUnknown: true})
		for i := range crowd {
			require.NoError(l, errs[i])
			require.Equal(l, []directory.ID{ids[i]}, l.linked(fmt.Sprint("five-", i)))
		}
	})
}

// reserving is a store in which another process has reserved a name that it has not
// stored yet, for so many writes.
type reserving struct {
	directory.Identities

	left atomic.Int64
}

func (r *reserving) Create(ctx context.Context, identity directory.Identity, event audit.Event) error {
	if r.left.Add(-1) >= 0 {
		return directory.ErrNameTaken
	}
	return r.Identities.Create(ctx, identity, event)
}

func (r *reserving) Replace(ctx context.Context, identity directory.Identity, event audit.Event) error {
	if r.left.Add(-1) >= 0 {
		return directory.ErrNameTaken
	}
	return r.Identities.Replace(ctx, identity, event)
}

// TestOvertaken: what somebody else is about to store is waited for, and is no refusal.
func TestOvertaken(t *testing.T) {
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	store := &reserving{Identities: db.Identities()}
	l := newLogins(t, newWorld(t, &clock{}, storagetest.Stores{PATs: db.PATs(), Uses: db.Uses(), Identities: store, Catalog: db.Catalog()}))
	known := l.known("sub-1")
	for i, who := range []*manage.Assertion{assertion("sub-1"), assertion("sub-2")} {
		store.left.Store(1000)
		_, err = l.signIn(who, manage.SignInRules{CreateUnknown: true})
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.Empty(t, l.trail.taken(), "nothing was decided")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = l.manager.SignIn(ctx, l.home.Name, who, manage.SignInRules{CreateUnknown: true}, from)
		require.ErrorIs(t, err, fault.ErrUnavailable)

		store.left.Store(3)
		signed := l.mustSignIn(who, manage.SignInRules{CreateUnknown: true})
		require.Equal(t, i == 0, signed.Identity.ID == known.ID)
		require.Equal(t, []directory.ID{signed.Identity.ID}, l.linked(who.Subject))
		l.trail.taken()
	}
}

// TestUnrecorded: a login that the trail does not take does not happen.
func TestUnrecorded(t *testing.T) {
	onLogins(t, func(l *logins) {
		known := l.known("sub-1")
		l.trail.err = audit.ErrFull
		_, err := l.signIn(assertion("sub-1"), manage.SignInRules{})
		require.ErrorIs(l, err, fault.ErrUnavailable)
		_, err = l.manager.SignInByLink(l.Context(), known.ID, from)
		require.ErrorIs(l, err, fault.ErrUnavailable)
		_, err = l.world.manager.SignIn(l.Context(), l.home.Name, assertion("sub-1"), manage.SignInRules{}, from)
		require.Error(l, err, "a manager without a recorder signs nobody in")
		_, err = l.world.manager.SignInByLink(l.Context(), known.ID, from)
		require.Error(l, err)
	})
}

func TestSignInByLink(t *testing.T) {
	onLogins(t, func(l *logins) {
		known := l.known("sub-1")
		signed, err := l.manager.SignInByLink(l.Context(), known.ID, from)
		require.NoError(l, err)
		require.Equal(l, known.ID, signed.ID)
		require.WithinDuration(l, l.clock.now(), l.find(known.ID).LastLogin, time.Minute)
		require.Empty(l, l.find(known.ID).Issuer)
		event := l.trail.taken()[0]
		require.Equal(l, "link", event.Reason)
		require.Equal(l, audit.Success, event.Outcome)
		require.Equal(l, string(known.ID), event.Actor)

		l.change(known.ID, func(i *directory.Identity) { i.Enabled = false })
		_, err = l.manager.SignInByLink(l.Context(), known.ID, from)
		require.ErrorIs(l, err, manage.ErrMayNotAct)
		event = l.trail.taken()[0]
		require.Equal(l, "link may_not_act", event.Reason)
		require.Equal(l, string(known.ID), event.Subject)
		_, err = l.manager.SignInByLink(l.Context(), l.home.ID, from)
		require.ErrorIs(l, err, manage.ErrMayNotAct, "it is no identity")
		l.trail.taken()

		l.manager.SignInFailed("state", from)
		event = l.trail.taken()[0]
		require.Equal(l, audit.Failure, event.Outcome)
		require.Equal(l, "state", event.Reason)
		require.Equal(l, from.IP, event.IP)
	})
}

func TestResume(t *testing.T) {
	onLogins(t, func(l *logins) {
		policy := directory.DefaultPolicy()
		policy.LogonInactivityDays = 1
		tenant := l.organization(policy)
		known := l.person(tenant.ID, directory.AccessAsNonInteractiveUser)
		caller, err := l.manager.Resume(l.Context(), known.ID, from)
		require.NoError(l, err)
		require.Equal(l, from, caller.Origin)
		require.Equal(l, known.ID, caller.Identity.ID)
		me, err := l.manager.Me(l.Context(), caller)
		require.NoError(l, err)
		require.Nil(l, me.Token)
		require.True(l, me.MayCreateTokens)
		require.True(l, caller.May(directory.ManageMyTokens))

		for name, ended := range map[string]directory.ID{
			"disabled":  l.known("d", func(i *directory.Identity) { i.Enabled = false }).ID,
			"technical": l.known("t", func(i *directory.Identity) { i.Type = directory.TechnicalUser }).ID,
			"unknown":   tenant.ID,
		} {
			_, err := l.manager.Resume(l.Context(), ended, from)
			require.ErrorIs(l, err, manage.ErrMayNotAct, name)
		}
		require.Empty(l, l.trail.taken(), "a request of a session is no login")

		gone := l.change(known.ID, func(i *directory.Identity) { i.Enabled = false })
		_, err = l.manager.Resume(l.Context(), gone.ID, from)
		require.ErrorIs(l, err, manage.ErrMayNotAct, "at the next request")
	})
}

// TestInactive: who has not logged in for long may not act, until they log in.
func TestInactive(t *testing.T) {
	onLogins(t, func(l *logins) {
		if l.clock.at.IsZero() {
			l.Skip("that store has the real time")
		}
		policy := directory.DefaultPolicy()
		policy.LogonInactivityDays = 1
		l.home = l.organization(policy)
		known := l.known("sub-1")
		l.clock.advance(25 * time.Hour)
		_, err := l.manager.Resume(l.Context(), known.ID, from)
		require.ErrorIs(l, err, manage.ErrMayNotAct)
		l.mustSignIn(assertion("sub-1"), manage.SignInRules{})
		_, err = l.manager.Resume(l.Context(), known.ID, from)
		require.NoError(l, err)
	})
}

func TestGroupsByName(t *testing.T) {
	onLogins(t, func(l *logins) {
		staff, clerks := l.group("staff"), l.group("clerks")
		sync := manage.SignInRules{SyncGroups: true}
		known := l.known("sub-1", func(i *directory.Identity) { i.Groups = []directory.ID{staff.ID} })
		administrators, ok := l.snapshot().GroupByName(l.home.ID, directory.Administrators)
		require.True(l, ok)

		l.mustSignIn(assertion("sub-1", "clerks"), manage.SignInRules{})
		require.Equal(l, []string{"staff"}, l.groupsOf(known.ID), "without the rule a login changes nothing")

		signed := l.mustSignIn(assertion("sub-1", "clerks", directory.Administrators, directory.Everyone, directory.Nobody, "nothing", "nothing"), sync)
		require.Equal(l, []string{"clerks"}, l.groupsOf(known.ID), "reserved groups are not the provider's")
		require.Equal(l, []string{directory.Administrators, directory.Everyone, directory.Nobody, "nothing"}, signed.UnknownGroups)
		require.Equal(l, []directory.ID{clerks.ID}, signed.Identity.Groups)

		l.change(known.ID, func(i *directory.Identity) { i.Groups = append(i.Groups, administrators.ID) })
		l.mustSignIn(assertion("sub-1"), sync)
		require.Equal(l, []string{directory.Administrators}, l.groupsOf(known.ID))

		revision := l.find(known.ID).Modified
		l.mustSignIn(assertion("sub-1"), sync)
		require.Equal(l, revision, l.find(known.ID).Modified, "nothing to change is no change")

		var many []string
		for i := range 100 {
			many = append(many, fmt.Sprint("unknown ", i))
		}
		require.Len(l, l.mustSignIn(assertion("sub-1", many...), sync).UnknownGroups, 20)
	})
}

// TestGroupsOfOthers: a name is looked for in the organization of who logs in.
func TestGroupsOfOthers(t *testing.T) {
	onLogins(t, func(l *logins) {
		other := l.organization(directory.DefaultPolicy())
		_, err := l.people.CreateGroup(l.Context(), directory.Group{Organization: other.ID, Name: "theirs"}, directory.Actor{})
		require.NoError(l, err)
		known := l.known("sub-1")
		signed := l.mustSignIn(assertion("sub-1", "theirs"), manage.SignInRules{SyncGroups: true})
		require.Equal(l, []string{"theirs"}, signed.UnknownGroups)
		require.Empty(l, l.groupsOf(known.ID))
	})
}

func TestGroupsByMap(t *testing.T) {
	onLogins(t, func(l *logins) {
		staff, clerks := l.group("staff"), l.group("clerks")
		l.group("writers")
		known := l.known("sub-1", func(i *directory.Identity) { i.Groups = []directory.ID{staff.ID, clerks.ID} })
		rules := manage.SignInRules{SyncGroups: true, Groups: map[string]string{
			"CN=clerks": "clerks", "CN=writers": "writers", "CN=authors": "writers", "CN=gone": "gone", "CN=admins": directory.Administrators,
		}}
		signed := l.mustSignIn(assertion("sub-1", "CN=authors", "CN=gone", "CN=admins", "staff", "CN=none"), rules)
		require.Equal(l, []string{"staff", "writers"}, l.groupsOf(known.ID), "the mapped groups, and no others, are the provider's")
		require.Equal(l, []string{directory.Administrators, "gone"}, signed.UnknownGroups)

		l.mustSignIn(assertion("sub-1", "CN=clerks", "CN=writers", "CN=authors"), rules)
		require.Equal(l, []string{"clerks", "staff", "writers"}, l.groupsOf(known.ID))
		l.mustSignIn(assertion("sub-1"), rules)
		require.Equal(l, []string{"staff"}, l.groupsOf(known.ID))
	})
}

// TestLastAdministratorStays: a provider that forgets groups locks nobody out for good.
func TestLastAdministratorStays(t *testing.T) {
	onLogins(t, func(l *logins) {
		first, second, plain := l.group("first"), l.group("second"), l.group("plain")
		for _, group := range []directory.Group{first, second} {
			require.NoError(l, l.people.Assign(l.Context(), l.home.ID, directory.Assignment{
				Role: directory.PlatformAdmin, Scope: directory.OnPlatform, Holder: group.ID,
			}, directory.Actor{}))
		}
		all := func(i *directory.Identity) { i.Groups = []directory.ID{first.ID, second.ID, plain.ID} }
		known := l.known("sub-1", all)
		sync := manage.SignInRules{SyncGroups: true}
		signed := l.mustSignIn(assertion("sub-1"), sync)
		left := l.groupsOf(known.ID)
		require.Len(l, left, 1, "one of the two is enough")
		require.Equal(l, left, signed.KeptGroups)
		require.NotContains(l, left, "plain")

		l.known("sub-2", all)
		signed = l.mustSignIn(assertion("sub-1"), sync)
		require.Empty(l, l.groupsOf(known.ID), "somebody else administers")
		require.Empty(l, signed.KeptGroups)

		builtIn := l.known("sub-3", all, func(i *directory.Identity) { i.BuiltInAdministrator = true })
		signed = l.mustSignIn(assertion("sub-3"), sync)
		require.Equal(l, []string{"first", "second"}, l.groupsOf(builtIn.ID), "what it holds is the platform's")
		require.Equal(l, []string{"first", "second"}, signed.KeptGroups)
	})
}
