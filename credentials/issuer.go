package credentials

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/secret"
)

const (
	// issueTimeout bounds all providers of one exchange together.
	issueTimeout = 10 * time.Second
	// revokeTimeout bounds what is revoked at one time.
	revokeTimeout = 10 * time.Second
	// maxOutstanding bounds the sets that a process has issued and that live.
	maxOutstanding = 20_000
	// maxLife is how long credentials live at most: as long as any access token, and a
	// minute for clocks. Whatever lives for ever would be watched over for ever, too.
	maxLife = 12*time.Hour + time.Minute
)

// Registered is a provider as the configuration names it.
type Registered struct {
	Name     string // [a-z][a-z0-9-]*; unique
	Provider Provider
	Prefix   string // of the names of its members
	// Audience is that of the assertions; empty: it gets none. Never one of a service:
	// whoever receives an assertion could use it there.
	Audience string
	Alg      string              // of assertions; empty: the default of the key ring
	Claims   map[string]Template // of assertions, beside those that say whose they are
	// Organizations and Groups, by name, whose owners get these credentials; nil: all.
	Organizations, Groups []string
}

// Recorder takes the events of what was issued and revoked. An error means that it must
// not be handed out.
type Recorder interface {
	Record(event audit.Event) error
}

// Config is what an Issuer needs; all of it but Logger.
type Config struct {
	Providers []Registered
	Audit     Recorder
	// Alive reports whether a token of this generation may still be used with the scope
	// credentials, as of now.
	Alive  func(ctx context.Context, holder Holder) (bool, error)
	Now    func() time.Time
	Logger *zap.Logger // nil: silent
}

// Issuer issues sets of credentials: those of each provider that is there for an
// owner. It is safe to share.
type Issuer struct {
	Config

	flights singleflight.Group

	mu   sync.Mutex
	kept map[setKey]*issuedSet   // what is given again
	all  map[*issuedSet]struct{} // what was issued and may live
}

var (
	providerName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	memberName   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	handleText   = regexp.MustCompile(`^[!-~]{0,255}$`)
)

// answerMembers are the members of a token answer that are somebody else's (RFC 6749
// §5, RFC 8693 §2.2, OpenID Connect Core §3.1.3.3).
func answerMembers() []string {
	return []string{
		"access_token", "issued_token_type", "token_type", "expires_in", "scope", "refresh_token", "client_id", "issuer", "pat_expires_at",
		"id_token", "error", "error_description", "error_uri", "denial_id", "authorization_details", "device_secret", "state",
	}
}

// New returns an Issuer. It refuses two providers of one name, or with one member.
func New(config Config) (*Issuer, error) {
	if config.Audit == nil || config.Alive == nil || config.Now == nil {
		return nil, errors.New("credentials: audit, alive and clock are needed")
	}
	if config.Logger == nil {
		config.Logger = zap.NewNop()
	}
	names := map[string]string{}
	for _, member := range answerMembers() {
		names[member] = "the answer itself"
	}
	seen := map[string]bool{}
	for i := range config.Providers {
		p := &config.Providers[i]
		if !providerName.MatchString(p.Name) || seen[p.Name] || p.Provider == nil {
			return nil, fmt.Errorf("credentials: provider %q: a provider has a name of its own, of lower-case letters, digits and hyphens", p.Name)
		}
		seen[p.Name] = true
		for _, member := range p.Provider.Members() {
			member = p.Prefix + member
			if other, taken := names[member]; taken || !memberName.MatchString(member) {
				return nil, fmt.Errorf("credentials: provider %q: member %q is no lower-case name, or one of %s: set a prefix", p.Name, member, other)
			}
			names[member] = p.Name
		}
	}
	return &Issuer{Config: config, kept: map[setKey]*issuedSet{}, all: map[*issuedSet]struct{}{}}, nil
}

// Request asks for the credentials of one owner.
type Request struct {
	Holder Holder
	Claims *Claims
	Now    time.Time // of the store, by which the token was judged
	Expiry time.Time // of the access token
	// Mint mints an assertion that expires then.
	Mint func(assertion Assertion) (secret.Text, error)
	// Origin and Actor are for the audit trail.
	Origin audit.Origin
}

// Assertion is what a JWT for a provider says beside whose it is.
type Assertion struct {
	Audience string
	Alg      string            // empty: the default
	Claims   map[string]string // never one of those that every JWT has
}

// Set are the credentials of one owner.
type Set struct {
	Members []Member
	// Expiry is when the first of them stops working.
	Expiry time.Time
}

// Offers reports whether some provider is there for an owner.
func (i *Issuer) Offers(claims *Claims) bool { return len(i.offered(claims)) > 0 }

// offered returns the providers that are there for an owner.
func (i *Issuer) offered(claims *Claims) []*Registered {
	var out []*Registered
	for n := range i.Providers {
		p := &i.Providers[n]
		in := func(group string) bool { return slices.Contains(claims.Groups, group) }
		if (p.Organizations == nil || slices.Contains(p.Organizations, claims.OrganizationName)) && (p.Groups == nil || slices.ContainsFunc(p.Groups, in)) {
			out = append(out, p)
		}
	}
	return out
}

// Issue returns the credentials of all providers that are there for an owner, or an
// error and none. Those of an earlier call are given again while they live for at least half as
// long as the access token beside them, or half as long as they did at first if that is
// less; calls at one time that would be answered alike have one issued. Errors: *ClaimError, fault.ErrUnavailable.
func (i *Issuer) Issue(ctx context.Context, r *Request) (*Set, error) {
	offered := i.offered(r.Claims)
	key := keyOf(r, offered)
	if set := i.find(key, r); set != nil {
		return set, nil
	}
	result := i.flights.DoChan(string(key[:]), func() (any, error) {
		if set := i.find(key, r); set != nil {
			return set, nil
		}
		// What others wait for too does not end with the one who was first.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), issueTimeout)
		defer cancel()
		return i.issue(ctx, key, r, offered)
	})
	select {
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), fault.ErrUnavailable)
	case got := <-result:
		set, _ := got.Val.(*Set)
		return set, notNow(got.Err)
	}
}

// notNow marks any error but that of a claim as one that may pass.
func notNow(err error) error {
	if _, claim := errors.AsType[*ClaimError](err); claim || err == nil {
		return err
	}
	return fmt.Errorf("credentials: %w", errors.Join(err, fault.ErrUnavailable))
}

// find returns a set that is kept and lives long enough.
func (i *Issuer) find(key setKey, r *Request) *Set {
	i.mu.Lock()
	defer i.mu.Unlock()
	kept, ok := i.kept[key]
	if !ok || kept.set.Expiry.Sub(r.Now) < min(r.Expiry.Sub(r.Now), kept.life)/2 {
		return nil
	}
	return kept.set
}

// grant is what one provider is given.
func (i *Issuer) grant(r *Request, p *Registered) (*Grant, error) {
	grant := &Grant{Holder: r.Holder, Claims: r.Claims, Now: r.Now, Expiry: r.Expiry}
	if p.Audience == "" {
		return grant, nil
	}
	assertion := Assertion{Audience: p.Audience, Alg: p.Alg, Claims: map[string]string{}}
	for name, template := range p.Claims {
		value, err := template.Render(r.Claims)
		if err != nil {
			return nil, err
		}
		assertion.Claims[name] = value
	}
	grant.Assertion = func(context.Context) (secret.Text, error) { return r.Mint(assertion) }
	return grant, nil
}

// check holds what a provider returned against what it said it would.
func (p *Registered) check(issued *Issued, now time.Time) error {
	names := p.Provider.Members()
	if len(issued.Members) != len(names) {
		return errors.New("other members than announced")
	}
	for n := range issued.Members {
		if issued.Members[n].Name != names[n] || strings.ContainsRune(issued.Members[n].Value.Reveal(), 0) {
			return errors.New("other members than announced")
		}
	}
	if !issued.Expiry.After(now) || !handleText.MatchString(issued.Handle) {
		return errors.New("credentials that have expired, or a handle that is none")
	}
	if issued.Expiry.Sub(now) > maxLife {
		return errors.New("credentials that live for more than 12 h")
	}
	return nil
}
