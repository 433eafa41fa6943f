package webhook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/egress"
	"github.com/cambio-sts/cambio/internal/secret"
)

// Receiver is where events are sent to.
type Receiver struct {
	Name string // for the log; the URL is not logged
	// URL is https; or http, and then Allowed has every address that it stands for.
	URL string
	// Secrets returns lines of whsec_<base64>, newest first. It is asked for each attempt.
	Secrets func() (secret.Text, error)
	// Events are names, or beginnings of names followed by *; none is every change and
	// warning. Uses are sent only if they are named in full.
	Events []string
	// Organization is the only one whose events are sent; empty is every one.
	Organization string
	// Allowed are networks that may be called though they are not public.
	Allowed []netip.Prefix
}

// Trail is what events are read from; an audit.Sink is one.
type Trail interface {
	// End returns the place behind all that there is.
	End() (audit.Bookmarks, error)
	// After returns what is behind a place, see audit.Sink.
	After(from audit.Bookmarks, limit int, want func(audit.Name) bool) (audit.Look, error)
}

var _ Trail = (*audit.Sink)(nil)

// Config is what a Sender needs; all of it but Transport and Logger.
type Config struct {
	Receivers []Receiver // unique by URL and organization
	Trail     Trail
	Dir       string // of the cursors; it exists
	Now       func() time.Time
	// Transport carries requests; nil: one for each receiver that connects to what may be
	// called, and to nothing else.
	Transport http.RoundTripper
	Logger    *zap.Logger // nil: silent
}

// Sender sends events to receivers.
type Sender struct{ followers []*follower }

// New returns a Sender; nothing is sent before Run. It leaves a cursor in the folder
// for each receiver that has none: that one is sent what comes from now on. An error
// names the receiver; it is ErrSecret, ErrEvent, ErrCursor, of the file system, or says what is
// wrong with the URL.
func New(config Config) (*Sender, error) {
	if config.Trail == nil || config.Dir == "" || config.Now == nil {
		return nil, errors.New("webhook: trail, folder and clock are needed")
	}
	if config.Logger == nil {
		config.Logger = zap.NewNop()
	}
	s := &Sender{}
	for i := range config.Receivers {
		f, err := config.follower(&config.Receivers[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", config.Receivers[i].Name, err)
		}
		s.followers = append(s.followers, f)
	}
	return s, nil
}

// Run sends until ctx ends, and then returns nil.
func (s *Sender) Run(ctx context.Context) error {
	var all errgroup.Group
	for _, f := range s.followers {
		all.Go(func() error {
			f.run(ctx)
			return nil
		})
	}
	return all.Wait()
}

func (c *Config) follower(r *Receiver) (*follower, error) {
	if r.Secrets == nil {
		return nil, errors.New("webhook: a receiver needs secrets")
	}
	text, err := r.Secrets()
	if err != nil {
		return nil, err
	}
	if _, err := parseSecrets(text); err != nil {
		return nil, err
	}
	to, err := url.Parse(r.URL)
	if err != nil || to.Hostname() == "" || to.Scheme != "https" && to.Scheme != "http" || to.User != nil || to.Fragment != "" {
		return nil, errors.New("the URL is none that can be posted to") // err would repeat it
	}
	guard := &egress.Guard{Allowed: r.Allowed, Only: to.Scheme == "http"}
	if addr, err := netip.ParseAddr(to.Hostname()); err == nil {
		if err := guard.Check(addr); err != nil {
			return nil, err
		}
	}
	f := &follower{
		Receiver: *r, match: match{r.Events, r.Organization}, stem: stem(c.Dir, r.URL, r.Organization),
		trail: c.Trail, transport: c.Transport, now: c.Now, log: c.Logger.With(zap.String("webhook", r.Name)),
	}
	if err := f.match.check(); err != nil {
		return nil, err
	}
	if f.transport == nil {
		f.transport = guard.Transport()
	}
	if _, err := loadCursor(f.cursorFile()); !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	end, err := c.Trail.End()
	if err != nil {
		return nil, err
	}
	return f, (&cursor{At: end}).create(f.cursorFile())
}
