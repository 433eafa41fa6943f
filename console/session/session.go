package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
)

const (
	// strangerLife is how long the values of somebody who has not signed in are kept:
	// time enough to log in elsewhere, and not much that strangers can fill a store with.
	strangerLife = 15 * time.Minute
	// refreshEvery is how old the time of the last use becomes before it is written anew.
	refreshEvery = time.Minute
	// margin is how much longer than a session what ends it is kept: the clocks of
	// processes and stores may differ by half a minute.
	margin = time.Minute
	// endTimeout bounds what ends a session: it outlives the request that asked for it.
	endTimeout = 5 * time.Second
	// MaxValue bounds a value of Put, in bytes: strangers can have some stored.
	MaxValue = 16 << 10
)

// The names of a session's values. Those of Put have a prefix.
const (
	valueIdentity = "identity"  // whose it is; none before it signed in
	valueSignIn   = "sign_in"   // names this sign-in
	valueSignedIn = "signed_in" // when, in Unix milliseconds
	valueUsed     = "used"      // when it was last saved, in Unix milliseconds
	valueEnded    = "ended"     // the mark of EndAll as it signed in
	putPrefix     = "put/"
)

// ErrTooLong says that a value has more than MaxValue bytes.
var ErrTooLong = errors.New("the value is too long")

// Config says how long sessions last, and where they lie. All but Secure is needed.
type Config struct {
	Store Store
	// Idle is how long a session lasts without a request, give or take a minute.
	Idle time.Duration
	// Lifetime is how long it lasts at most, from the sign-in.
	Lifetime time.Duration
	// Secure says that browsers reach the console by https. Then the cookie has the
	// prefix __Host- (RFC 6265bis §4.1.3.2), which no other host can set.
	Secure bool
	Now    func() time.Time
	// Failed answers a request whose session could not be loaded or saved, 503 for what
	// wraps fault.ErrUnavailable: nobody is taken for a stranger then.
	Failed func(w http.ResponseWriter, r *http.Request, err error)
}

// Sessions are the sessions of all browsers. It is safe to share. But for New and EndAll, its
// methods are for requests that came through LoadAndSave, before they write their answer;
// on any other context they panic.
type Sessions struct {
	config Config
	scs    *scs.SessionManager
}

// New returns the sessions of a store.
func New(config Config) (*Sessions, error) {
	switch {
	case config.Store == nil, config.Now == nil, config.Failed == nil:
		return nil, errors.New("session: a store, a clock and an answer to errors are needed")
	case config.Idle < time.Second || config.Lifetime < time.Second:
		return nil, errors.New("session: the idle time and the lifetime are a second at least")
	}
	name := "cambio_session"
	if config.Secure {
		name = "__Host-" + name
	}
	return &Sessions{config, &scs.SessionManager{ // not scs.New, see doc.go
		Store: kept{store: config.Store, now: config.Now}, Codec: scs.GobCodec{}, HashTokenInStore: true,
		Cookie: scs.SessionCookie{Name: name, HttpOnly: true, Path: "/", SameSite: http.SameSiteLaxMode, Secure: config.Secure},
	}}, nil
}

// SignIn makes the session that of an identity, under another token, and forgets all that was
// Put before. Whoever was signed in here is signed out. An error is the store's.
func (s *Sessions) SignIn(ctx context.Context, identity string) error {
	if identity == "" {
		return errors.New("sign in: nobody")
	}
	if err := s.endSignIn(ctx); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	mark, _, err := s.config.Store.Get(ctx, endedKey(identity))
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if err := s.scs.RenewToken(ctx); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	_ = s.scs.Clear(ctx) // of values in memory; never fails
	s.scs.Put(ctx, valueIdentity, identity)
	s.scs.Put(ctx, valueSignIn, rand.Text())
	s.scs.Put(ctx, valueSignedIn, s.config.Now().UnixMilli())
	s.scs.Put(ctx, valueEnded, string(mark))
	return nil
}

// Identity returns whose session it is; false before it signed in.
func (s *Sessions) Identity(ctx context.Context) (identity string, ok bool) {
	identity = s.scs.GetString(ctx, valueIdentity)
	return identity, identity != ""
}

// SignOut ends the session, with all that was Put; also when the client goes away
// meanwhile. An error is the store's: then it may go on.
func (s *Sessions) SignOut(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err := errors.Join(s.endSignIn(ctx), s.scs.Destroy(ctx)); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// endSignIn notes that this sign-in is over, if it is one.
func (s *Sessions) endSignIn(ctx context.Context) error {
	signIn := s.scs.GetString(ctx, valueSignIn)
	if signIn == "" {
		return nil
	}
	return s.config.Store.Put(ctx, overKey(signIn), []byte("over"), s.config.Lifetime+margin)
}

// EndAll ends every session of an identity that has signed in so far, in every process,
// at its next request. An error is the store's: then they may go on.
func (s *Sessions) EndAll(ctx context.Context, identity string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err := s.config.Store.Put(ctx, endedKey(identity), []byte(rand.Text()), s.config.Lifetime+margin); err != nil {
		return fmt.Errorf("end all sessions of an identity: %w", err)
	}
	return nil
}

// Put remembers a value in the session, in place of what key had; a quarter of an hour if
// nobody signed in. ErrTooLong.
func (s *Sessions) Put(ctx context.Context, key, value string) error {
	if len(value) > MaxValue {
		return ErrTooLong
	}
	s.scs.Put(ctx, putPrefix+key, value)
	return nil
}

// Pop returns the value of key and forgets it.
func (s *Sessions) Pop(ctx context.Context, key string) (value string, found bool) {
	value, found = s.scs.Pop(ctx, putPrefix+key).(string)
	return value, found
}

// load adds the session that a token names to the context: an empty one if there is none
// or it is over, none if that is not known.
func (s *Sessions) load(ctx context.Context, token string) (context.Context, error) {
	ctx, err := s.scs.Load(ctx, token)
	if err != nil {
		return nil, fmt.Errorf("load session: %w", err)
	}
	if s.scs.Token(ctx) == "" {
		return ctx, nil
	}
	over, err := s.over(ctx)
	if err == nil && over {
		err = s.scs.Destroy(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("load session: %w", err)
	}
	if _, ok := s.Identity(ctx); ok && s.config.Now().Sub(s.at(ctx, valueUsed)) >= min(refreshEvery, s.config.Idle/2) {
		s.scs.Put(ctx, valueUsed, s.config.Now().UnixMilli())
	}
	return ctx, nil
}

// over reports whether a session that was stored has ended.
func (s *Sessions) over(ctx context.Context) (bool, error) {
	if !s.config.Now().Before(s.deadline(ctx)) {
		return true, nil
	}
	identity, ok := s.Identity(ctx)
	if !ok {
		return false, nil
	}
	mark, ended, err := s.config.Store.Get(ctx, endedKey(identity))
	if err != nil || ended && string(mark) != s.scs.GetString(ctx, valueEnded) {
		return true, err
	}
	_, over, err := s.config.Store.Get(ctx, overKey(s.scs.GetString(ctx, valueSignIn)))
	return over, err
}

// deadline is when the session ends if it is not used again.
func (s *Sessions) deadline(ctx context.Context) time.Time {
	used := s.at(ctx, valueUsed)
	if _, ok := s.Identity(ctx); !ok {
		return used.Add(strangerLife)
	}
	idle, absolute := used.Add(s.config.Idle), s.at(ctx, valueSignedIn).Add(s.config.Lifetime)
	if absolute.Before(idle) {
		return absolute
	}
	return idle
}

func (s *Sessions) at(ctx context.Context, value string) time.Time {
	return time.UnixMilli(s.scs.GetInt64(ctx, value))
}

// save stores a session that has changed, and tells the browser of it.
func (s *Sessions) save(ctx context.Context, w http.ResponseWriter) error {
	switch s.scs.Status(ctx) {
	case scs.Unmodified:
		return nil
	case scs.Destroyed:
		s.scs.WriteSessionCookie(ctx, w, "", time.Time{})
		return nil
	default:
		s.scs.Put(ctx, valueUsed, s.config.Now().UnixMilli())
		s.scs.SetDeadline(ctx, s.deadline(ctx))
		token, deadline, err := s.scs.Commit(ctx)
		if err != nil {
			return fmt.Errorf("save session: %w", err)
		}
		s.scs.WriteSessionCookie(ctx, w, token, deadline)
		return nil
	}
}
