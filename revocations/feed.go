package revocations

import (
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Signer signs answers; *keys.Ring is one.
type Signer interface {
	SignRevocations(alg keys.Alg, payload []byte) (string, error)
}

// Config is what a Feed needs; all of it but Draining.
type Config struct {
	Log    pat.EndedLog
	Signer Signer
	Alg    keys.Alg // to sign with
	Issuer string   // iss
	Now    func() time.Time
	Logger *zap.Logger
	// Draining is closed once the process is to end; then nobody is kept waiting. Nil
	// means never.
	Draining <-chan struct{}
}

// Feed is the revocation feed. It is safe to share, and does nothing while nobody asks.
type Feed struct {
	Config

	pass passes

	mu       sync.Mutex // guards what follows
	known    known
	jwts     map[hash]int  // how many revoked JWTs are known, by entry.token
	version  uint64        // raised when known changes
	changed  chan struct{} // closed, and replaced, when there may be something else to answer
	complete time.Time     // when the last pass began that read all; zero: none
	waiting  int           // requests that are held
	idle     chan struct{} // closed when there are none any more; nil: there are none

	answers answers
}

// State is how a Feed does.
type State struct {
	Waiting int       // requests that are held
	Entries int       // that it tells of
	Read    time.Time // when it last began to read all that ended; zero: it never did
}

// State tells how the feed does.
func (f *Feed) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return State{Waiting: f.waiting, Entries: len(f.known), Read: f.complete}
}

// New returns a feed that has read nothing yet.
func New(config Config) (*Feed, error) {
	if config.Log == nil || config.Signer == nil ||
		config.Alg == "" || config.Issuer == "" || config.Now == nil || config.Logger == nil {
		return nil, errors.New("revocations: every member of the config but draining is needed")
	}
	f := &Feed{Config: config, known: known{}, jwts: map[hash]int{}, changed: make(chan struct{})}
	f.pass.cursor = config.Log.Follow()
	return f, nil
}
