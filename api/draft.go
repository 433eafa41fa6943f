package api

import (
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// draft turns the body into what the domain takes.
func (d *LevelAccessTokenDraft) draft() (*pat.Draft, error) {
	networks, err := pat.ParseNetworks("allowedNetworks", d.AllowedNetworks)
	if err != nil {
		return nil, err
	}
	draft := &pat.Draft{
		Name: d.Name, Description: orZero(d.Description), Scope: d.Scope, AdminRole: orZero(d.AdminRole), Audience: d.Audience, Networks: networks,
		Expiration: time.Time(orZero(d.ExpirationDate)), NeverExpiresAcknowledged: orZero(d.UserAwareTokenNeverExpires),
	}
	if d.AccessTokenValiditySeconds != nil {
		draft.AccessTokenLife, err = seconds("accessTokenValiditySeconds", *d.AccessTokenValiditySeconds, pat.MinAccessTokenLife, pat.MaxAccessTokenLife)
	}
	return draft, err
}

// draft turns the body into what the domain takes.
func (d *PersonalAccessTokenDraft) draft() (*pat.Draft, error) {
	level := LevelAccessTokenDraft{
		Name: d.Name, Description: d.Description, Scope: d.Scope, Audience: d.Audience, AllowedNetworks: d.AllowedNetworks,
		ExpirationDate: d.ExpirationDate, UserAwareTokenNeverExpires: d.UserAwareTokenNeverExpires, AccessTokenValiditySeconds: d.AccessTokenValiditySeconds,
	}
	return level.draft()
}

// seconds reads a number of seconds between two durations.
func seconds(field string, given int64, least, most time.Duration) (time.Duration, error) {
	if given < int64(least/time.Second) || given > int64(most/time.Second) {
		return 0, &requestError{key: causeRange, args: []any{field, int64(least / time.Second), int64(most / time.Second)}}
	}
	return time.Duration(given) * time.Second, nil
}

// rotation turns the body into what the use case takes.
func (b *RotateRequest) rotation() (manage.Rotation, error) {
	reason, err := knownReason(b.Reason)
	if err != nil {
		return manage.Rotation{}, err
	}
	how := manage.Rotation{Reason: reason}
	if b.GracePeriodSeconds != nil {
		grace, err := seconds("gracePeriodSeconds", *b.GracePeriodSeconds, 0, pat.MaxGrace)
		if err != nil {
			return manage.Rotation{}, err
		}
		how.Grace = &grace
	}
	return how, nil
}

// end turns the body into what the use case takes.
func (b *RevokeRequest) end() (pat.End, error) {
	reason, err := knownReason(b.Reason)
	return pat.End{Reason: reason}, err
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

// policy turns the body into what the domain takes; what is absent has its default.
func (p *Policy) policy() (directory.Policy, error) {
	policy := directory.DefaultPolicy()
	policy.DefaultLifetimeSeconds = p.DefaultLifetimeSeconds
	setIf(&policy.MaxLifetimeSeconds, p.MaxLifetimeSeconds)
	setIf(&policy.AllowNeverExpire, p.AllowNeverExpire)
	setIf(&policy.RequireNeverExpireAcknowledgement, p.RequireNeverExpireAcknowledgement)
	setIf(&policy.EnforceOnExisting, p.EnforceOnExisting)
	setIf(&policy.MaxTokensPerOwner, p.MaxTokensPerOwner)
	setIf(&policy.DefaultAccessTokenSeconds, p.DefaultAccessTokenSeconds)
	setIf(&policy.MaxAccessTokenSeconds, p.MaxAccessTokenSeconds)
	setIf(&policy.LogonInactivityDays, p.LogonInactivityDays)
	setIf(&policy.UnusedRevokeDays, p.UnusedRevokeDays)
	if p.DefaultScopes != nil {
		policy.DefaultScopes = p.DefaultScopes
	}
	if p.AllowedNetworks != nil {
		policy.AllowedNetworks = p.AllowedNetworks
	}
	return policy, nil
}

func setIf[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
