package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
)

// patient is what is examined. Its functions are called by several checks and look
// once.
type patient struct {
	Config

	settings *config.Config // nil if there is none to go by
	origins  map[string]string
	order    []string
	problems []config.Problem // that keep the configuration from being used
	unread   error            // of the file system

	redis  func() (*redis.Inspection, error)
	bolt   func() boltState
	master func() (*keys.Master, error)
	ring   func() ringState
	alive  func() bool
	client func() (*http.Client, error)
	issued func() issued
}

// boltState is what became of the look at an embedded store.
type boltState struct {
	bolt.Inspection

	err    error // why its content is not known
	served bool  // a running server has it
}

// errBlocked says that something cannot be looked at, as another check tells why.
var errBlocked = errors.New("blocked")

func blocked(by string) error { return fmt.Errorf("%w: see %s", errBlocked, by) }

func newPatient(ctx context.Context, c Config) *patient {
	p := &patient{Config: c, origins: map[string]string{}}
	p.load()
	p.redis = sync.OnceValues(func() (*redis.Inspection, error) {
		ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
		defer cancel()
		return p.inspect(ctx)
	})
	p.bolt = sync.OnceValue(func() boltState {
		ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
		defer cancel()
		return p.openBolt(ctx)
	})
	p.master = sync.OnceValues(p.readMaster)
	p.ring = sync.OnceValue(func() ringState { return p.openRing(ctx) })
	p.alive = sync.OnceValue(func() bool {
		ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
		defer cancel()
		return p.answers(ctx)
	})
	p.client = sync.OnceValues(p.newClient)
	p.issued = sync.OnceValue(func() issued {
		ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
		defer cancel()
		return p.discover(ctx)
	})
	return p
}

// load reads the configuration. A master key that others may read, which keeps a
// server from starting, does not keep the other checks from looking.
func (p *patient) load() {
	settings, origins, err := config.Load(p.Sources)
	wrong, isConfig := errors.AsType[*config.Error](err)
	switch {
	case err == nil:
		p.settings = settings
		for _, origin := range origins {
			p.order = append(p.order, origin.Key)
			p.origins[origin.Key] = origin.From
		}
		return
	case !isConfig:
		p.unread = err
		return
	}
	draft, err := config.Unchecked(p.Sources)
	if err != nil {
		p.problems = wrong.Problems
		return
	}
	for _, problem := range wrong.Problems {
		if info, err := os.Stat(draft.MasterKey.File); problem.Key == keyMaster && err == nil && info.Mode().IsRegular() {
			continue // checkSecrets tells
		}
		p.problems = append(p.problems, problem)
	}
	if len(p.problems) == 0 {
		p.settings = draft
	}
}

const keyMaster = "masterKey.file"

// configuration lists the keys with their values.
func (p *patient) configuration() []Setting {
	out := []Setting{}
	if p.settings == nil {
		return out
	}
	text, err := yaml.Marshal(p.settings)
	var values map[string]any
	if err != nil || yaml.Unmarshal(text, &values) != nil {
		return out
	}
	for _, key := range p.order {
		out = append(out, Setting{Key: key, Value: valueAt(values, key), From: p.origins[key]})
	}
	return out
}

// valueAt is the value of a dotted key as one line. What lists of maps hold is not
// told: a URL of a webhook may be a secret.
func valueAt(values map[string]any, key string) string {
	var at any = values
	for part := range strings.SplitSeq(key, ".") {
		section, ok := at.(map[string]any)
		if !ok {
			return ""
		}
		at = section[part]
	}
	list, isList := at.([]any)
	if isList && len(list) > 0 {
		if _, isMap := list[0].(map[string]any); isMap {
			return fmt.Sprintf("%d", len(list))
		}
	}
	if at == nil {
		return ""
	}
	return fmt.Sprint(at)
}

// set is the fix that gives a key another value, where the key came from.
func (p *patient) set(text, key string, value any) Fix {
	from := p.origins[key]
	if strings.HasPrefix(from, "--") || strings.HasPrefix(from, "CAMBIO_") || p.Sources.File == "" {
		return say(fmt.Sprintf("%s: set %s to %v, which came from %s", text, key, value, from))
	}
	return Fix{Text: text, Edit: &Edit{File: p.Sources.File, Key: key, Value: value}}
}

// copied is set of a text that another machine said, if it can be one of the key's.
func (p *patient) copied(text, key, value string) Fix {
	if config.Check(key, value) != nil {
		return say("see what answers there: what it says cannot be " + key)
	}
	return p.set(text, key, value)
}

// cambio is a command of this program about the configuration.
func (p *patient) cambio(words ...string) string {
	if p.Sources.File != "" {
		words = append(words, "--config", p.Sources.File)
	}
	return shell(append([]string{"cambio"}, words...)...)
}

func (p *patient) inspect(ctx context.Context) (*redis.Inspection, error) {
	servers, err := p.Servers(&p.settings.Store)
	if err != nil {
		return nil, err
	}
	servers.Now = p.Now
	return redis.Inspect(ctx, servers)
}

func (p *patient) openBolt(ctx context.Context) boltState {
	var out boltState
	out.Inspection, out.err = bolt.Inspect(p.settings.Store.URL.Path)
	if !errors.Is(out.err, bolt.ErrLocked) {
		return out
	}
	serving, err := p.Serving(ctx, p.settings)
	if err != nil {
		out.err = errors.Join(out.err, err)
		return out
	}
	return boltState{Inspection: bolt.Inspection{Keys: serving.Keys, Waiting: serving.Waiting}, served: true}
}

func (p *patient) embedded() bool { return p.settings.Store.URL.Kind == config.KindBolt }

func (p *patient) readMaster() (*keys.Master, error) {
	text, err := os.ReadFile(p.settings.MasterKey.File)
	if err != nil {
		return nil, err
	}
	return keys.ParseMaster(text)
}

// stored is the key ring as it is stored, and how many events wait.
func (p *patient) stored() (keys.Stored, int64, error) {
	if p.embedded() {
		state := p.bolt()
		if state.err != nil {
			return keys.Stored{}, -1, blocked("store-reachable")
		}
		return state.Keys, state.Waiting, nil
	}
	found, err := p.redis()
	switch {
	case err != nil:
		return keys.Stored{}, -1, blocked("store-reachable")
	case found.KeysErr != nil:
		return keys.Stored{}, found.Waiting, blocked("store-reachable and store-permissions")
	}
	return found.Keys, found.Waiting, nil
}
