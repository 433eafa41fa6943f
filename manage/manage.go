package manage

import (
	"context"
	"errors"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// KeyRing is the signing keys, as their administrator sees them.
type KeyRing interface {
	// List returns every key, oldest first.
	List() []keys.Info
	// Rotate brings the next key of each algorithm into use.
	Rotate(ctx context.Context, actor keys.Actor) error
	// Revoke ends a key at once; keys.ErrUnknownKey.
	Revoke(ctx context.Context, kid string, actor keys.Actor) error
}

// Config is what a Manager needs; all of it but Subject, Audit and LoginOrganization.
type Config struct {
	Tokens    *pat.Service
	Directory *directory.Directory
	Keys      KeyRing
	Services  *exchange.Services
	Trail     Trail
	Now       func() time.Time
	Subject   exchange.SubjectKind // of the JWTs; zero: the identity's id
	// LoginOrganization is the name of the organization that people log in to first, by
	// an identity provider; empty: there is none.
	LoginOrganization string
	Audit             exchange.Recorder // of logins; without it nobody signs in
}

// Manager carries the use cases out. It is safe to share.
type Manager struct {
	tokens    *pat.Service
	directory *directory.Directory
	keys      KeyRing
	services  *exchange.Services
	trail     Trail
	now       func() time.Time
	subject   exchange.SubjectKind
	audit     exchange.Recorder
	// loginOrganization is where people log in first; empty: nowhere.
	loginOrganization string
	searches          turns // of auditors
	timelines         turns // of the trail of single tokens
	summaries         summaries
}

// New returns a Manager.
func New(config Config) (*Manager, error) {
	if config.Tokens == nil || config.Directory == nil || config.Keys == nil || config.Services == nil || config.Trail == nil || config.Now == nil {
		return nil, errors.New("manage: every member of the config but subject, audit and login organization is needed")
	}
	return &Manager{
		tokens: config.Tokens, directory: config.Directory, keys: config.Keys, services: config.Services, trail: config.Trail, now: config.Now,
		subject: config.Subject, audit: config.Audit, loginOrganization: config.LoginOrganization, searches: newTurns(), timelines: newTurns(),
		summaries: summaries{turns: newTurns(), kept: map[summaryOf]*TokenSummary{}},
	}, nil
}

// snapshot is what an action is decided by.
func (m *Manager) snapshot(ctx context.Context, action Action) (*directory.Snapshot, error) {
	if gives(action) {
		if err := m.directory.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	return m.directory.Snapshot(ctx)
}

// Input reads what a use case is asked for, once it is known that the caller may ask
// for it at all: who may not learns nothing of what is wrong with it.
type Input[T any] func() (T, error)

// Given is an input that is at hand.
func Given[T any](value T) Input[T] { return func() (T, error) { return value, nil } }

// Match says whether the state of which an ETag is given is the one that the caller
// has read (RFC 9110 §13.1.1). Nil: any.
type Match func(etag string) bool

func (m Match) check(etag string) error {
	if m != nil && !m(etag) {
		return ErrChanged
	}
	return nil
}
