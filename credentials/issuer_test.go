package credentials_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/secret"
)

const canary = "canary-value"

var origin = audit.Origin{IP: "192.0.2.7", UserAgent: "ci/1", TrackingID: "0123456789abcdef0123456789abcdef"}

// vault is a provider in memory.
type vault struct {
	mu      sync.Mutex
	members []string
	issued  int
	alive   map[string]credentials.Outstanding
	grants  []*credentials.Grant
	life    time.Duration // 0: what is wished for
	pause   time.Duration
	err     error // of Issue
	stuck   error // of Revoke
	hang    time.Duration
	revokes int    // calls of Revoke
	only    string // the one handle that can be revoked; empty: all
	change  func(*credentials.Issued)
}

func newVault(members ...string) *vault {
	return &vault{members: members, alive: map[string]credentials.Outstanding{}}
}

func (v *vault) Members() []string { return v.members }

func (v *vault) Issue(ctx context.Context, grant *credentials.Grant) (credentials.Issued, error) {
	if v.pause > 0 {
		select {
		case <-ctx.Done():
			return credentials.Issued{}, ctx.Err()
		case <-time.After(v.pause):
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.grants = append(v.grants, grant)
	if v.err != nil {
		return credentials.Issued{}, v.err
	}
	v.issued++
	out := credentials.Issued{Expiry: grant.Expiry, Handle: fmt.Sprintf("%s-%d", v.members[0], v.issued)}
	if v.life != 0 {
		out.Expiry = grant.Now.Add(v.life)
	}
	for _, member := range v.members {
		out.Members = append(out.Members, credentials.Member{Name: member, Value: secret.New(fmt.Sprintf("%s-%d", canary, v.issued))})
	}
	v.alive[out.Handle] = credentials.Outstanding{Handle: out.Handle, Holder: grant.Holder, Expiry: out.Expiry, Owner: grant.Claims.Owner}
	if v.change != nil {
		v.change(&out)
	}
	return out, nil
}

func (v *vault) Revoke(ctx context.Context, handle string) error {
	v.mu.Lock()
	hang := v.hang
	v.mu.Unlock()
	if hang > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(hang):
		}
	}
	v.mu.Lock()
	v.revokes++
	defer v.mu.Unlock()
	if v.only != "" && v.only != handle {
		return errors.New("it owns something")
	}
	if v.stuck == nil {
		delete(v.alive, handle)
	}
	return v.stuck
}

func (v *vault) living() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.alive)
}

// lister is a vault that lists.
type lister struct{ *vault }

func (l lister) List(ctx context.Context) ([]credentials.Outstanding, error) {
	if l.pause > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(l.pause):
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []credentials.Outstanding
	for _, one := range l.alive {
		out = append(out, one)
	}
	return out, nil
}

// trail keeps events.
type trail struct {
	mu     sync.Mutex
	events []audit.Event
	err    error
}

func (a *trail) Record(event audit.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.events = append(a.events, event)
	}
	return a.err
}

// revoked counts the events that say so.
func (a *trail) revoked() int {
	return strings.Count(strings.Join(a.told(), "\n"), string(audit.CredentialsRevoked))
}

// told are the events as lines.
func (a *trail) told() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for _, e := range a.events {
		out = append(out, strings.TrimSpace(string(e.Name)+" "+e.Subject+" "+e.Reason))
	}
	return out
}

// desk is an issuer and what it stands in.
type desk struct {
	*credentials.Issuer

	trail trail
	log   *observer.ObservedLogs
	dead  sync.Map // Holder → error or nil
}

func newDesk(t *testing.T, providers ...credentials.Registered) *desk {
	t.Helper()
	d := &desk{}
	core, logs := observer.New(zap.DebugLevel)
	d.log = logs
	var err error
	d.Issuer, err = credentials.New(credentials.Config{
		Providers: providers, Audit: &d.trail, Now: time.Now, Logger: zap.New(core),
		Alive: func(_ context.Context, holder credentials.Holder) (bool, error) {
			verdict, dead := d.dead.Load(holder)
			err, _ := verdict.(error)
			return !dead, err
		},
	})
	require.NoError(t, err)
	return d
}

var holder = credentials.Holder{PAT: "0c", Generation: 1}

func request(life time.Duration) *credentials.Request {
	now := time.Now()
	return &credentials.Request{
		Holder: holder, Claims: anna(), Now: now, Expiry: now.Add(life), Origin: origin,
		Mint: func(a credentials.Assertion) (secret.Text, error) {
			return secret.New(fmt.Sprint(a.Audience, a.Alg, a.Claims)), nil
		},
	}
}

func TestIssue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, base := newVault("key_id", "key"), newVault("db_password")
		keys.life = time.Hour
		d := newDesk(t,
			credentials.Registered{
				Name: "logs", Provider: keys, Prefix: "logs_", Audience: "s3.example.com", Alg: "RS256",
				Claims: map[string]credentials.Template{"policy": must(credentials.ParseTemplate("{{groups:db-*}}"))},
			},
			credentials.Registered{Name: "base", Provider: base},
			credentials.Registered{Name: "other", Provider: newVault("x"), Organizations: []string{"acme"}},
			credentials.Registered{Name: "team", Provider: newVault("y"), Groups: []string{"s3-users"}},
		)
		set, err := d.Issue(t.Context(), request(5*time.Minute))
		require.NoError(t, err)
		names := []string{}
		for _, member := range set.Members {
			names = append(names, member.Name)
			require.Equal(t, canary+"-1", member.Value.Reveal())
		}
		require.Equal(t, []string{"logs_key_id", "logs_key", "db_password"}, names, "in the order of the configuration")
		require.Equal(t, time.Now().Add(5*time.Minute), set.Expiry, "of the first that ends")
		require.Equal(t, []string{"CREDENTIALS_ISSUED logs/key_id-1", "CREDENTIALS_ISSUED base/db_password-1"}, d.trail.told())
		require.Equal(t, "192.0.2.7", d.trail.events[0].IP)
		require.Equal(t, holder, keys.grants[0].Holder)
		assertion, err := keys.grants[0].Assertion(t.Context())
		require.NoError(t, err)
		require.Equal(t, "s3.example.comRS256map[policy:db-read,db-write]", assertion.Reveal())
		require.Nil(t, base.grants[0].Assertion)
		require.NotContains(t, fmt.Sprintf("%+v %#v %v", set, set, d.trail.events), canary)
	})
}

// Who is in the organization and in a group gets what is theirs.
func TestOffers(t *testing.T) {
	d := newDesk(t, credentials.Registered{Name: "team", Provider: newVault("y"), Groups: []string{"db-read"}, Organizations: []string{"acme"}})
	claims := anna()
	require.False(t, d.Offers(claims))
	claims.OrganizationName = "acme"
	require.True(t, d.Offers(claims))
	claims.Groups = nil
	require.False(t, d.Offers(claims))
}

// However many ask at once, a token has one set; it is given again for half its life.
func TestOneSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("a")
		v.pause = time.Second
		d := newDesk(t, credentials.Registered{Name: "one", Provider: v})
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				set, err := d.Issue(t.Context(), request(5*time.Minute))
				require.NoError(t, err)
				require.Equal(t, canary+"-1", set.Members[0].Value.Reveal())
			})
		}
		all.Wait()
		require.Equal(t, 1, v.issued)

		again := func() int {
			_, err := d.Issue(t.Context(), request(5*time.Minute))
			require.NoError(t, err)
			return v.issued
		}
		time.Sleep(2*time.Minute + 28*time.Second)
		require.Equal(t, 1, again(), "a little more than half of it is left")
		time.Sleep(2 * time.Second)
		require.Equal(t, 2, again())
		require.Equal(t, 2, again())

		for name, change := range map[string]func(*credentials.Request){
			"another generation": func(r *credentials.Request) { r.Holder.Generation++ },
			"another token":      func(r *credentials.Request) { r.Holder.PAT = "0d" },
			"another group":      func(r *credentials.Request) { r.Claims.Groups = r.Claims.Groups[1:] },
			"another magnitude":  func(r *credentials.Request) { r.Expiry = r.Now.Add(time.Hour) },
		} {
			before, r := v.issued, request(5*time.Minute)
			change(r)
			_, err := d.Issue(t.Context(), r)
			require.NoError(t, err)
			require.Equal(t, before+1, v.issued, name)
		}
	})
}

// One that goes does not take away what others wait for.
func TestTheFirstMayGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("a")
		v.pause = time.Second
		d := newDesk(t, credentials.Registered{Name: "one", Provider: v})
		ctx, cancel := context.WithCancel(t.Context())
		var first error
		var all sync.WaitGroup
		all.Go(func() { _, first = d.Issue(ctx, request(time.Minute)) })
		synctest.Wait()
		all.Go(func() {
			_, err := d.Issue(t.Context(), request(time.Minute))
			require.NoError(t, err)
		})
		synctest.Wait()
		cancel()
		all.Wait()
		require.ErrorIs(t, first, fault.ErrUnavailable)
		require.Equal(t, 1, v.issued)
	})
}

// One that fails takes back what the others made, and nobody gets anything.
func TestAllOrNothing(t *testing.T) {
	broken := errors.New("is down")
	for name, change := range map[string]func(good, bad *vault, d *desk){
		"it fails":            func(_, bad *vault, _ *desk) { bad.err = broken },
		"it hangs":            func(_, bad *vault, _ *desk) { bad.pause = time.Hour },
		"it panics":           func(_, bad *vault, _ *desk) { bad.change = func(*credentials.Issued) { panic(canary) } },
		"a member is missing": func(_, bad *vault, _ *desk) { bad.change = func(i *credentials.Issued) { i.Members = nil } },
		"another member":      func(_, bad *vault, _ *desk) { bad.change = func(i *credentials.Issued) { i.Members[0].Name = "c" } },
		"a zero": func(_, bad *vault, _ *desk) {
			bad.change = func(i *credentials.Issued) { i.Members[0].Value = secret.New("a\x00") }
		},
		"it has expired":       func(_, bad *vault, _ *desk) { bad.life = -time.Second },
		"it outlives all else": func(_, bad *vault, _ *desk) { bad.life = 12*time.Hour + 2*time.Minute },
		"a handle of its own":  func(_, bad *vault, _ *desk) { bad.change = func(i *credentials.Issued) { i.Handle = "a b" } },
		"it cannot be audited": func(_, _ *vault, d *desk) { d.trail.err = broken },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good, bad := newVault("a"), newVault("b")
				d := newDesk(t, credentials.Registered{Name: "good", Provider: good}, credentials.Registered{Name: "bad", Provider: bad})
				change(good, bad, d)
				began := time.Now()
				set, err := d.Issue(t.Context(), request(time.Minute))
				require.ErrorIs(t, err, fault.ErrUnavailable)
				require.Nil(t, set)
				require.NotContains(t, err.Error(), canary)
				require.Zero(t, good.living(), "it was revoked")
				require.LessOrEqual(t, time.Since(began), 10*time.Second)
				if name != "it cannot be audited" {
					require.Contains(t, d.trail.told(), "CREDENTIALS_REVOKED good/a-1 token_ended")
				}
			})
		})
	}
}

// An owner who fits no template is refused before anything is made.
func TestClaimsThatDoNotFit(t *testing.T) {
	good, bad := newVault("a"), newVault("b")
	d := newDesk(t, credentials.Registered{Name: "good", Provider: good}, credentials.Registered{
		Name: "bad", Provider: bad, Audience: "x", Claims: map[string]credentials.Template{"p": must(credentials.ParseTemplate("{{external_id}}"))},
	})
	_, err := d.Issue(t.Context(), request(time.Minute))
	var refused *credentials.ClaimError
	require.ErrorAs(t, err, &refused)
	require.NotErrorIs(t, err, fault.ErrUnavailable)
	require.Zero(t, good.issued)
}

// The credentials of a token end with it, also if that has to be tried again.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, s3 := newVault("a"), newVault("b")
		s3.stuck = credentials.ErrIrrevocable
		d := newDesk(t, credentials.Registered{Name: "one", Provider: v}, credentials.Registered{Name: "s3", Provider: s3})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { require.NoError(t, d.Run(ctx)) })
		_, err := d.Issue(t.Context(), request(5*time.Minute))
		require.NoError(t, err)

		d.dead.Store(holder, fault.ErrUnavailable)
		time.Sleep(10 * time.Second)
		require.Equal(t, 1, v.living(), "the store cannot tell")
		v.mu.Lock()
		v.stuck = errors.New("is down")
		v.mu.Unlock()
		d.dead.Store(holder, nil)
		time.Sleep(10 * time.Second)
		require.Equal(t, 1, v.living())
		d.dead.Delete(holder) // it may not live again
		v.mu.Lock()
		v.stuck = nil
		v.mu.Unlock()
		time.Sleep(3 * time.Second)
		require.Zero(t, v.living())
		require.Equal(t, []string{"CREDENTIALS_ISSUED one/a-1", "CREDENTIALS_ISSUED s3/b-1", "CREDENTIALS_REVOKED one/a-1 token_ended"}, d.trail.told())

		_, err = d.Issue(t.Context(), request(5*time.Minute))
		require.NoError(t, err)
		require.Equal(t, 2, v.issued, "what was revoked is not given again")
		cancel()
		running.Wait()
	})
}

// A provider that takes no revocation keeps nobody from revoking what others made, however
// much of its own there is.
func TestRunPassesWhoHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, hung := newVault("a"), newVault("b")
		hung.hang, hung.stuck = time.Hour, errors.New("is down")
		d := newDesk(t, credentials.Registered{Name: "hung", Provider: hung}, credentials.Registered{Name: "one", Provider: v})
		const many = 50
		for n := range many {
			r := request(5 * time.Minute)
			r.Holder.PAT = fmt.Sprint(n)
			_, err := d.Issue(t.Context(), r)
			require.NoError(t, err)
			d.dead.Store(r.Holder, nil)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { require.NoError(t, d.Run(ctx)) })
		time.Sleep(15 * time.Second)
		require.Zero(t, v.living())
		require.Equal(t, many, hung.living())
		hung.mu.Lock()
		hung.hang, hung.stuck = 0, nil
		hung.mu.Unlock()
		time.Sleep(15 * time.Second)
		require.Zero(t, hung.living(), "it is not forgotten")
		require.Equal(t, many, func() int { v.mu.Lock(); defer v.mu.Unlock(); return v.revokes }(), "what has ended is not revoked again")
		cancel()
		running.Wait()
	})
}

// Nobody delays what others ask to be revoked by leaving behind what cannot be.
func TestRunPassesWhatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("a")
		v.hang, v.stuck = 5*time.Second, errors.New("it owns something")
		d := newDesk(t, credentials.Registered{Name: "one", Provider: v})
		end := func(pat string) {
			r := request(time.Hour)
			r.Holder.PAT = pat
			_, err := d.Issue(t.Context(), r)
			require.NoError(t, err)
			d.dead.Store(r.Holder, nil)
		}
		for n := range 20 {
			end(fmt.Sprint(n))
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { require.NoError(t, d.Run(ctx)) })
		time.Sleep(20 * 10 * time.Second) // each of them has failed
		end("last")
		before := d.trail.revoked()
		v.mu.Lock()
		v.stuck, v.only = nil, "a-21"
		v.mu.Unlock()
		time.Sleep(20 * time.Second)
		require.Equal(t, before+1, d.trail.revoked())
		cancel()
		running.Wait()
	})
}

// What a provider says in place of a handle goes nowhere but back to it.
func TestHandlesThatAreNone(t *testing.T) {
	for _, handle := range []string{canary + "\n", canary + " x", canary + strings.Repeat("x", 255), canary + "\x1b[2J"} {
		v := newVault("a")
		v.change = func(i *credentials.Issued) { i.Handle = handle }
		d := newDesk(t, credentials.Registered{Name: "one", Provider: v})
		v.stuck = errors.New("is down")
		_, err := d.Issue(t.Context(), request(time.Minute))
		require.ErrorIs(t, err, fault.ErrUnavailable)
		v.stuck = nil
		_, err = d.Issue(t.Context(), request(time.Minute))
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.Equal(t, []string{"CREDENTIALS_REVOKED one token_ended"}, d.trail.told())
		require.Equal(t, 2, v.revokes)
		require.NotContains(t, fmt.Sprint(d.log.All()), canary)
	}
}

// What a provider lists ends when it has expired or its token has ended.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("a")
		d := newDesk(t, credentials.Registered{Name: "one", Provider: lister{v}})
		other := credentials.Holder{PAT: "0d", Generation: 1}
		v.alive["old"] = credentials.Outstanding{Handle: "old", Holder: holder, Expiry: time.Now()}
		v.alive["ended"] = credentials.Outstanding{Handle: "ended", Holder: other, Expiry: time.Now().Add(time.Hour), Organization: "0b"}
		v.alive["living"] = credentials.Outstanding{Handle: "living", Holder: holder, Expiry: time.Now().Add(time.Hour)}
		d.dead.Store(other, nil)
		require.NoError(t, d.Sweep(t.Context()))
		require.Contains(t, v.alive, "living")
		require.Len(t, v.alive, 1)
		require.ElementsMatch(t, []string{"CREDENTIALS_REVOKED one/old expired", "CREDENTIALS_REVOKED one/ended token_ended"}, d.trail.told())

		v.stuck = errors.New("is down")
		time.Sleep(time.Hour)
		require.ErrorContains(t, d.Sweep(t.Context()), "revoke living: is down")
	})
}

// One that hangs keeps neither the others nor the job.
func TestSweepPassesWhoHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, hung := newVault("a"), newVault("b")
		hung.pause = time.Hour
		d := newDesk(t, credentials.Registered{Name: "hung", Provider: lister{hung}}, credentials.Registered{Name: "one", Provider: lister{v}})
		v.alive["old"] = credentials.Outstanding{Handle: "old", Holder: holder, Expiry: time.Now()}
		began := time.Now()
		require.ErrorContains(t, d.Sweep(t.Context()), "provider hung: ")
		require.LessOrEqual(t, time.Since(began), 30*time.Second)
		require.Zero(t, v.living())
	})
}

func TestNewRefuses(t *testing.T) {
	one := func(change func(*credentials.Registered)) []credentials.Registered {
		second := credentials.Registered{Name: "two", Provider: newVault("b")}
		change(&second)
		return []credentials.Registered{{Name: "one", Provider: newVault("a")}, second}
	}
	for problem, change := range map[string]func(*credentials.Registered){
		"":                         func(*credentials.Registered) {},
		`a name of its own`:        func(r *credentials.Registered) { r.Name = "one" },
		`of lower-case`:            func(r *credentials.Registered) { r.Name = "Two" },
		`or one of one`:            func(r *credentials.Registered) { r.Provider = newVault("a") },
		`or one of the answer`:     func(r *credentials.Registered) { r.Provider = newVault("access_token") },
		`member "access_token" is`: func(r *credentials.Registered) { r.Provider, r.Prefix = newVault("token"), "access_" },
		`no lower-case name`:       func(r *credentials.Registered) { r.Provider = newVault(`a":"`) },
	} {
		_, err := credentials.New(credentials.Config{
			Providers: one(change), Audit: &trail{}, Now: time.Now, Alive: func(context.Context, credentials.Holder) (bool, error) { return true, nil },
		})
		if problem == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, problem)
	}
}
