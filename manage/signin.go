package manage

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// The use cases of this file begin with no action in the table of permits: there is no
// caller yet whose rights could be asked for. What stands in their place is a proof
// that the door has checked: an assertion of the configured identity provider, a link
// that works once, or a session that began with one of the two. They give nobody a
// role; groups they give only as far as the configuration makes the provider the
// authority for them.

// Why somebody is not signed in.
var (
	// ErrMayNotAct says that an identity is gone, disabled or inactive, or no person's.
	ErrMayNotAct = errors.New("the identity may not act in the console")
	// ErrUnknownPerson says that no identity belongs to who logged in, and that none is
	// made.
	ErrUnknownPerson = errors.New("no identity belongs to who logged in")
	// ErrLinked says that the identity which has the key of who logged in belongs to
	// somebody else at a provider.
	ErrLinked = errors.New("the identity belongs to somebody else at the provider")
	// ErrAmbiguous says that identities of two organizations have the same issuer and
	// subject: an administrator has to take it from one of them.
	ErrAmbiguous = errors.New("two identities belong to who logged in")
)

// Assertion is what the configured identity provider proved of who logged in.
type Assertion struct {
	Issuer, Subject string // the link; never empty
	// Key finds the identity at the first login, by its externalId; never empty.
	Key                          string
	Username, DisplayName, Email string // of an identity that is made; each may be empty
	Groups                       []string
}

// SignInRules are what the configuration says of logins.
type SignInRules struct {
	// CreateUnknown makes an identity, without roles, of who has none.
	CreateUnknown bool
	// SyncGroups makes the provider the authority for memberships: of the groups that
	// Groups names, or without it of every group that is not reserved.
	SyncGroups bool
	Groups     map[string]string // from what the provider says to names of groups
}

// SignedIn is who a login signed in.
type SignedIn struct {
	Identity directory.Identity
	// UnknownGroups are the first names that were to be groups and are none, for the log.
	UnknownGroups []string
	// KeptGroups are names of groups that the provider takes away and that stay: without
	// them nobody would administer the platform. For the log.
	KeptGroups []string
}

// How somebody signed in, as the trail tells it.
const (
	byProvider = "provider"
	byFirst    = "provider_first_login"
	byNew      = "provider_new_identity"
	byLink     = "link"
)

var errNoRecorder = errors.New("manage: logins are not recorded, so there are none")

// SignIn finds or makes the identity of who logged in at the provider, by issuer and
// subject in whatever organization; else, at the first login, by externalId in the
// organization given by name or id. Never by the e-mail address or the username, which
// others may get at the provider. Errors: ErrUnknownPerson, ErrLinked, ErrAmbiguous,
// ErrMayNotAct, ErrNoOrganization, *directory.FieldError for what no identity may
// have, fault.ErrUnavailable.
func (m *Manager) SignIn(ctx context.Context, organization string, who *Assertion, rules SignInRules, origin audit.Origin) (*SignedIn, error) {
	if m.audit == nil {
		return nil, errNoRecorder
	}
	if who.Issuer == "" || who.Subject == "" || who.Key == "" {
		return nil, errors.New("manage: an assertion without issuer, subject or key")
	}
	s := &signIn{Manager: m, organization: organization, who: who, rules: rules, origin: origin}
	err := s.run(ctx)
	if err == nil {
		err = m.signedIn(&s.result.Identity, s.how, origin)
	}
	if err != nil {
		s.failed(err)
		return nil, err
	}
	return &s.result, nil
}

// SignInByLink signs in the identity that a link which works once is for.
// ErrMayNotAct, fault.ErrUnavailable.
func (m *Manager) SignInByLink(ctx context.Context, identity directory.ID, origin audit.Origin) (*directory.Identity, error) {
	if m.audit == nil {
		return nil, errNoRecorder
	}
	found, err := m.person(ctx, identity)
	if err == nil {
		found, err = m.recordedLogin(ctx, &found, origin)
	}
	if err == nil {
		err = m.signedIn(&found, byLink, origin)
	}
	if err != nil {
		if reason, refused := refusalOf(err); refused {
			m.signInFailed(byLink+" "+reason, &found, origin)
		}
		return nil, err
	}
	return &found, nil
}

// PersonOfLink returns whom SignInByLink would sign in: also somebody inactive, whom that
// makes active. ErrMayNotAct, fault.ErrUnavailable.
func (m *Manager) PersonOfLink(ctx context.Context, identity directory.ID) (*directory.Identity, error) {
	found, err := m.person(ctx, identity)
	if err != nil {
		return nil, err
	}
	return &found, nil
}

// SignInFailed records that somebody came back from the provider, or with a link, and
// was not signed in. Nobody is known. The reason is a fixed word; whoever calls bounds
// how often one client can have it recorded.
func (m *Manager) SignInFailed(reason string, origin audit.Origin) {
	if m.audit != nil {
		m.signInFailed(reason, &directory.Identity{}, origin)
	}
}

// Resume returns who acts by a session, as of now: all scopes, and no token. What they
// may do is what their identity may. ErrMayNotAct, fault.ErrUnavailable.
func (m *Manager) Resume(ctx context.Context, identity directory.ID, origin audit.Origin) (*Caller, error) {
	snapshot, err := m.directory.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	found, err := m.person(ctx, identity)
	if err != nil {
		return nil, err
	}
	organization, ok := snapshot.Organization(found.Organization)
	if !ok || found.Status(&organization.Policy, m.now()) != directory.Active {
		return nil, ErrMayNotAct
	}
	return &Caller{
		Principal: &exchange.Principal{
			Identity: found, Access: snapshot.AccessOf(&found), Policy: &organization.Policy, Scope: []string{pat.ScopeAll},
		},
		Origin: origin,
	}, nil
}

// person returns an identity that may log in. One that is inactive may: that makes it
// active. ErrMayNotAct, and then as much of it as there is.
func (m *Manager) person(ctx context.Context, identity directory.ID) (directory.Identity, error) {
	found, err := m.directory.Find(ctx, identity)
	if errors.Is(err, directory.ErrNotFound) {
		return directory.Identity{}, ErrMayNotAct
	}
	if err != nil {
		return directory.Identity{}, fmt.Errorf("find who signs in: %w", err)
	}
	return found, mayLogIn(&found)
}

func mayLogIn(identity *directory.Identity) error {
	if identity.Type == directory.TechnicalUser || !identity.Enabled {
		return ErrMayNotAct
	}
	return nil
}

// recordedLogin keeps that somebody logs in now, unless they may not any more.
func (m *Manager) recordedLogin(ctx context.Context, identity *directory.Identity, origin audit.Origin) (directory.Identity, error) {
	after, err := m.directory.RecordLogin(ctx, identity.ID, m.now(), directory.Actor{ID: identity.ID, Origin: origin})
	if errors.Is(err, directory.ErrNotFound) {
		return *identity, ErrMayNotAct
	}
	if err != nil {
		return *identity, fmt.Errorf("record a login: %w", err)
	}
	return after, mayLogIn(&after)
}

// signedIn records a login that succeeded. One that cannot be recorded does not happen.
func (m *Manager) signedIn(identity *directory.Identity, how string, origin audit.Origin) error {
	event := m.loginEvent(identity, origin)
	event.Actor, event.Outcome, event.Reason = string(identity.ID), audit.Success, how
	if err := m.audit.Record(event); err != nil {
		return fmt.Errorf("record a login: %w", errors.Join(err, fault.ErrUnavailable))
	}
	return nil
}

// signInFailed records a login that was refused.
func (m *Manager) signInFailed(reason string, identity *directory.Identity, origin audit.Origin) {
	event := m.loginEvent(identity, origin)
	event.Outcome, event.Reason = audit.Failure, reason
	_ = m.audit.Record(event) // refused either way
}

func (m *Manager) loginEvent(identity *directory.Identity, origin audit.Origin) audit.Event {
	return audit.Event{
		ID: id.New(), Time: pat.Milliseconds(m.now()), Name: audit.Login, Organization: string(identity.Organization), Subject: string(identity.ID),
	}.From(origin)
}

// refusalOf returns what the trail calls a refusal; false for trouble, by which nothing
// was decided.
func refusalOf(err error) (string, bool) {
	for _, known := range []struct {
		err    error
		reason string
	}{
		{ErrMayNotAct, "may_not_act"},
		{ErrUnknownPerson, "unknown_person"},
		{ErrLinked, "linked_to_another"},
		{ErrAmbiguous, "two_identities"},
		{ErrNoOrganization, "no_organization"},
	} {
		if errors.Is(err, known.err) {
			return known.reason, true
		}
	}
	if field, ok := errors.AsType[*directory.FieldError](err); ok {
		return "invalid_" + field.Field, true
	}
	return "", false
}

// failed records why who logged in at the provider is not signed in, with what the
// provider calls them: there may be no identity to name.
func (s *signIn) failed(err error) {
	reason, refused := refusalOf(err)
	if !refused {
		return
	}
	identity := s.result.Identity
	if identity.Organization == "" {
		identity.Organization = s.home
	}
	s.signInFailed(reason+" iss="+strconv.QuoteToASCII(s.who.Issuer)+" sub="+strconv.QuoteToASCII(s.who.Subject), &identity, s.origin)
}
