package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// seen returns the token of an id if the caller may see it, else
// pat.ErrNotFound.
func (a *API) seen(ctx context.Context, who *caller, text string) (*pat.Record, error) {
	tokenID, err := pat.ParseID(text)
	if err != nil {
		return nil, errNotFound
	}
	record, err := a.tokens.Find(ctx, tokenID)
	if err != nil {
		return nil, err
	}
	if !who.sees(&record) {
		return nil, errNotFound
	}
	return &record, nil
}

// own returns the caller's token of an id. One that the caller sees but does not
// own is errNotOwner, any other unknown.
func (a *API) own(ctx context.Context, who *caller, text string) (*pat.Record, error) {
	if err := who.need(directory.ManageMyTokens); err != nil {
		return nil, err
	}
	record, err := a.seen(ctx, who, text)
	if err != nil {
		return nil, err
	}
	if !who.owns(record) {
		return nil, errNotOwner
	}
	return record, nil
}

// GetPersonalAccessToken answers with one token.
func (s server) GetPersonalAccessToken(w http.ResponseWriter, r *http.Request, text string) {
	shown, err := s.get(r.Context(), text)
	s.respond(w, r, shown, err)
}

func (s server) get(ctx context.Context, text string) (*PersonalAccessToken, error) {
	who := callerFrom(ctx)
	if err := who.needSight(); err != nil {
		return nil, err
	}
	record, err := s.seen(ctx, who, text)
	if err != nil {
		return nil, err
	}
	return s.show(ctx, who, record)
}

// CreatePersonalAccessToken makes a token for the caller's owner.
func (s server) CreatePersonalAccessToken(w http.ResponseWriter, r *http.Request) {
	shown, err := s.create(w, r)
	s.respond(w, r, shown, err)
}

func (s server) create(w http.ResponseWriter, r *http.Request) (*PersonalAccessToken, error) {
	ctx := r.Context()
	who := callerFrom(ctx)
	if err := who.needCreating(); err != nil {
		return nil, err
	}
	var body PersonalAccessTokenDraft
	if err := decode(w, r, typeJSON, false, &body); err != nil {
		return nil, err
	}
	draft, err := body.draft()
	if err != nil {
		return nil, err
	}
	if err := s.checkAudience(draft.Audience, nil); err != nil {
		return nil, err
	}
	token, record, err := s.tokens.Create(ctx, &who.Identity, draft, who.Policy, who.actor())
	if err != nil {
		return nil, err
	}
	shown, err := s.show(ctx, who, &record)
	return withSecret(shown, token), err
}

// needCreating refuses who may not create personal tokens.
func (c *caller) needCreating() error {
	switch {
	case c.Identity.Type == directory.TechnicalUser:
		return errTechnicalUser
	case !c.Access.HoldsOrganizationRole(directory.AccessAsNonInteractiveUser):
		return lacksRole(directory.AccessAsNonInteractiveUser)
	default:
		return c.need(directory.ManageMyTokens)
	}
}

// withSecret adds what is told once.
func withSecret(shown *PersonalAccessToken, token pat.Token) *PersonalAccessToken {
	if shown != nil {
		tail, whole := token.Secret().Reveal(), token.Reveal().Reveal()
		shown.Secret, shown.Token = &tail, &whole
	}
	return shown
}

// draft turns the body into what the domain takes.
func (d *PersonalAccessTokenDraft) draft() (*pat.Draft, error) {
	networks, err := pat.ParseNetworks("allowedNetworks", d.AllowedNetworks)
	if err != nil {
		return nil, err
	}
	draft := &pat.Draft{
		Name: d.Name, Description: orZero(d.Description), Scope: d.Scope, Level: pat.Personal, Audience: d.Audience, Networks: networks,
		Expiration: time.Time(orZero(d.ExpirationDate)), NeverExpiresAcknowledged: orZero(d.UserAwareTokenNeverExpires),
	}
	if d.AccessTokenValiditySeconds != nil {
		draft.AccessTokenLife, err = seconds("accessTokenValiditySeconds", *d.AccessTokenValiditySeconds, pat.MinAccessTokenLife, pat.MaxAccessTokenLife)
	}
	return draft, err
}

// checkAudience refuses a service that is not configured: a token for it could
// never be used there. Those that the token had before stay, for a service may go
// and come back.
func (a *API) checkAudience(audience, before []string) error {
	for i, service := range audience {
		if !a.exchanger.Services.Has(service) && !slices.Contains(before, service) {
			return &requestError{key: causeService, args: []any{i, a.audience}}
		}
	}
	return nil
}

// seconds reads a number of seconds between two durations.
func seconds(field string, given int64, least, most time.Duration) (time.Duration, error) {
	if given < int64(least/time.Second) || given > int64(most/time.Second) {
		return 0, &requestError{key: causeRange, args: []any{field, int64(least / time.Second), int64(most / time.Second)}}
	}
	return time.Duration(given) * time.Second, nil
}

// orZero is the zero value for nil.
func orZero[T any](value *T) T {
	if value == nil {
		var zero T
		return zero
	}
	return *value
}

// RotatePersonalAccessToken gives a token of the caller's a new secret.
func (s server) RotatePersonalAccessToken(w http.ResponseWriter, r *http.Request, text string) {
	shown, err := s.rotate(w, r, text)
	s.respond(w, r, shown, err)
}

func (s server) rotate(w http.ResponseWriter, r *http.Request, text string) (*PersonalAccessToken, error) {
	ctx := r.Context()
	who := callerFrom(ctx)
	record, err := s.own(ctx, who, text)
	if err != nil {
		return nil, err
	}
	var body RotateRequest
	if err := decode(w, r, typeJSON, true, &body); err != nil {
		return nil, err
	}
	reason, err := knownReason(body.Reason)
	if err != nil {
		return nil, err
	}
	grace, err := body.grace()
	if err != nil {
		return nil, err
	}
	token, after, err := s.tokens.Rotate(ctx, record.ID, grace, reason, who.Policy, who.actor())
	if err != nil {
		return nil, rotationError(err)
	}
	shown, err := s.show(ctx, who, &after)
	return withSecret(shown, token), err
}

// grace is how long both secrets shall work; unless said, one that leaked does not.
func (b *RotateRequest) grace() (time.Duration, error) {
	switch {
	case b.GracePeriodSeconds != nil:
		return seconds("gracePeriodSeconds", *b.GracePeriodSeconds, 0, pat.MaxGrace)
	case orZero(b.Reason) == pat.Compromised:
		return 0, nil
	default:
		return pat.DefaultGrace, nil
	}
}

// knownReason returns the reason given, empty for none.
func knownReason(given *pat.Reason) (pat.Reason, error) {
	if given == nil {
		return "", nil
	}
	if !slices.Contains([]pat.Reason{pat.Compromised, pat.Unused, pat.Other}, *given) {
		return "", &requestError{key: causeTypeReason, args: []any{"reason"}}
	}
	return *given, nil
}
