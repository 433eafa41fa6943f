package manage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	characters "github.com/cambio-sts/cambio/internal/plain"
)

// signIn is one call of SignIn.
type signIn struct {
	*Manager

	result       SignedIn
	organization string
	who          *Assertion
	rules        SignInRules
	origin       audit.Origin

	snapshot *directory.Snapshot
	home     directory.ID // of the organization of first logins, once it is looked for
	how      string
}

func (s *signIn) run(ctx context.Context) error {
	if err := s.directory.Refresh(ctx); err != nil { // what follows gives somebody power
		return err
	}
	var err error
	if s.snapshot, err = s.directory.Snapshot(ctx); err != nil {
		return err
	}
	s.result.Identity, err = s.identity(ctx)
	if err == nil {
		err = mayLogIn(&s.result.Identity)
	}
	if err == nil {
		err = s.syncGroups(ctx)
	}
	if err != nil {
		return err
	}
	s.result.Identity, err = s.recordedLogin(ctx, &s.result.Identity, s.origin)
	return err
}

const (
	// attempts is how often an identity is looked for while other logins, or who
	// provisions, change what was found; and pause is the time between two.
	attempts = 10
	pause    = 20 * time.Millisecond
)

// errOvertaken says that somebody else changes at this moment what a first login
// found, or has reserved its link and not stored it yet.
var errOvertaken = errors.New("somebody else changes the identity at this moment")

// identity finds or makes who logs in.
func (s *signIn) identity(ctx context.Context) (directory.Identity, error) {
	for range attempts {
		s.how = byProvider
		found, err := s.linked(ctx)
		if errors.Is(err, directory.ErrNotFound) {
			found, err = s.first(ctx)
		}
		if !errors.Is(err, errOvertaken) {
			return found, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return found, fmt.Errorf("find who logs in: %w", errors.Join(ctx.Err(), fault.ErrUnavailable))
		case <-timer.C:
		}
	}
	return directory.Identity{}, fmt.Errorf("find who logs in: %w", errors.Join(errOvertaken, fault.ErrUnavailable))
}

// platform is who makes the changes that a login brings: nobody has the right to make
// them by themselves.
func (s *signIn) platform() directory.Actor { return directory.Actor{Origin: s.origin} }

// linked returns the one identity that has the issuer and subject, in whatever
// organization; directory.ErrNotFound, ErrAmbiguous.
func (s *signIn) linked(ctx context.Context) (directory.Identity, error) {
	var linked []directory.Identity
	for _, organization := range s.snapshot.Organizations() {
		found, err := s.directory.FindByLogin(ctx, organization.ID, directory.ByProvider, directory.ProviderKey(s.who.Issuer, s.who.Subject))
		if errors.Is(err, directory.ErrNotFound) {
			continue
		}
		if err != nil {
			return directory.Identity{}, fmt.Errorf("find who logs in: %w", err)
		}
		linked = append(linked, found)
	}
	switch len(linked) {
	case 0:
		return directory.Identity{}, directory.ErrNotFound
	case 1:
		return linked[0], nil
	default:
		return directory.Identity{}, ErrAmbiguous
	}
}

// first is a first login. In the end the link must be one identity's, whoever else
// logged in by it at the same moment.
func (s *signIn) first(ctx context.Context) (directory.Identity, error) {
	organization, ok := s.snapshot.Organization(directory.ID(s.organization))
	if !ok {
		if organization, ok = s.snapshot.OrganizationByName(s.organization); !ok {
			return directory.Identity{}, ErrNoOrganization
		}
	}
	s.home = organization.ID
	known, err := s.directory.FindByLogin(ctx, s.home, directory.ByExternalID, s.who.Key)
	switch {
	case errors.Is(err, directory.ErrNotFound) && s.rules.CreateUnknown:
		known, err = s.create(ctx)
	case errors.Is(err, directory.ErrNotFound):
		err = ErrUnknownPerson
	case err == nil:
		known, err = s.link(ctx, &known)
	}
	if err != nil {
		return known, err
	}
	linked, err := s.linked(ctx)
	if errors.Is(err, directory.ErrNotFound) { // somebody has just taken it away
		err = errOvertaken
	}
	return linked, err
}

// link gives an identity the issuer and subject of who logs in, if it has none. With an
// error it still returns the identity.
func (s *signIn) link(ctx context.Context, known *directory.Identity) (directory.Identity, error) {
	s.how = byFirst
	after, err := s.directory.UpdateIdentity(ctx, known.ID, func(now *directory.Identity) error {
		switch {
		case now.ExternalID != s.who.Key:
			return errOvertaken // by now it is somebody else's
		case now.Issuer == s.who.Issuer && now.Subject == s.who.Subject:
			return nil
		case now.Issuer != "" || now.Subject != "":
			return ErrLinked
		}
		now.Issuer, now.Subject = s.who.Issuer, s.who.Subject
		return mayLogIn(now)
	}, s.platform())
	if errors.Is(err, directory.ErrNameTaken) || errors.Is(err, directory.ErrNotFound) {
		return *known, errOvertaken
	}
	if err != nil {
		return *known, err
	}
	return after, nil
}

const (
	// usernames is how many usernames are tried with a number behind.
	usernames = 20
	// maxUsername is how many characters of what the provider says become a username,
	// with room for what is put behind.
	maxUsername = 200
)

// create makes an identity, without roles. What it is called is no proof of anything,
// and is never taken from somebody else.
func (s *signIn) create(ctx context.Context) (directory.Identity, error) {
	s.how = byNew
	draft := directory.Identity{
		Organization: s.home, Type: directory.User, ExternalID: s.who.Key, Issuer: s.who.Issuer, Subject: s.who.Subject, Enabled: true,
		Email: s.who.Email,
	}
	name := cmp.Or(label(s.who.Username), label(s.who.Key), "user")
	draft.DisplayName = cmp.Or(label(s.who.DisplayName), name)
	if trial := (directory.Identity{Type: directory.User, Username: name, Email: draft.Email}); trial.Validate() != nil {
		draft.Email = ""
	}
	for number := 1; number <= usernames; number++ {
		draft.Username = name
		switch number {
		case 1:
		case usernames:
			draft.Username += "-" + id.New()
		default:
			draft.Username += "-" + strconv.Itoa(number)
		}
		made, again, err := s.tryCreate(ctx, &draft)
		if !again {
			return made, err
		}
	}
	return directory.Identity{}, errOvertaken
}

// tryCreate makes an identity under one username; again: that is somebody's.
func (s *signIn) tryCreate(ctx context.Context, draft *directory.Identity) (made directory.Identity, again bool, err error) {
	_, err = s.directory.FindByLogin(ctx, s.home, directory.ByUsername, draft.Username)
	if err == nil {
		return directory.Identity{}, true, nil
	}
	if !errors.Is(err, directory.ErrNotFound) {
		return directory.Identity{}, false, fmt.Errorf("look for a username: %w", err)
	}
	made, err = s.directory.CreateIdentity(ctx, *draft, s.platform())
	if errors.Is(err, directory.ErrNameTaken) { // since then: maybe by another login of the same person
		err = errOvertaken
	}
	return made, false, err
}

// label makes a name of what a provider says; empty if nothing is left.
func label(text string) string {
	shown := strings.Map(func(r rune) rune {
		if characters.Steers(r) || unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	shown = strings.TrimSpace(shown)
	if runes := []rune(shown); len(runes) > maxUsername {
		shown = strings.TrimSpace(string(runes[:maxUsername]))
	}
	return shown
}
