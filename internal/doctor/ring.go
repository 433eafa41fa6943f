package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// ringState is what became of the look at the key ring.
type ringState struct {
	keys   []keys.Info // oldest first
	stored keys.Stored
	master *keys.Master
	err    error
	// blocked says that err is another check's.
	blocked bool
}

// frozen is a store that has what was read, and takes nothing.
type frozen struct{ keys.Stored }

// LoadKeys implements keys.Store.
func (f frozen) LoadKeys(context.Context) (keys.Stored, error) { return f.Stored, nil }

// SwapKeys implements keys.Store.
func (frozen) SwapKeys(context.Context, uint64, keys.Stored, audit.Event) error {
	return errors.New("nothing is changed")
}

// ringPoll is a time that the ring of a server polls in, or less.
const ringPoll = 5 * time.Second

// openRing opens what is stored as a server does.
func (p *patient) openRing(ctx context.Context) ringState {
	stored, _, err := p.stored()
	if err != nil {
		return ringState{err: err, blocked: true}
	}
	master, err := p.master()
	if err != nil {
		return ringState{err: blocked("master-key"), blocked: true}
	}
	ring, err := keys.NewRing(keys.Config{
		Store: frozen{stored}, Master: master, Algs: p.algs(), RotateEvery: p.settings.Keys.RotateEvery, JWKSMaxAge: p.settings.Keys.JWKSMaxAge,
		Poll: ringPoll, MaxTokenLife: pat.MaxAccessTokenLife, Now: p.Now,
	})
	if err != nil {
		return ringState{err: err}
	}
	err = ring.Open(ctx)
	return ringState{keys: ring.List(), stored: stored, master: master, err: err}
}

// algs are the algorithms that are signed with, the default first.
func (p *patient) algs() []keys.Alg {
	out := []keys.Alg{keys.Alg(p.settings.Keys.Alg)}
	for i := range p.settings.Services {
		if alg := keys.Alg(p.settings.Services[i].Alg); alg != "" && !slices.Contains(out, alg) {
			out = append(out, alg)
		}
	}
	return out
}

func checkRing(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	state := p.ring()
	looked := fmt.Sprintf("%d keys in the store", len(state.stored.Keys))
	switch err := state.err; {
	case err == nil:
	case state.blocked && p.embedded() && errors.Is(p.bolt().err, ErrStranger):
		return seen("the running server", fail("the master key is not the one that the running server has", p.placeMaster()))
	case state.blocked:
		return skip("%v", err)
	case errors.Is(err, keys.ErrNoCanary):
		return seen(looked, fail("the store was never prepared, or has lost its state",
			Fix{Text: "prepare it, if it is new; if it held tokens before, restore its backup instead", Command: p.cambio("init")}))
	case errors.Is(err, keys.ErrUnsafeRollover):
		return seen(looked, fail(err.Error(), p.set("let keys sign for longer", "keys.rotateEvery", "720h")))
	case errors.Is(err, keys.ErrWrongMasterKey):
		return seen(looked, fail("the master key is not the one that the store was prepared with", p.placeMaster()))
	default:
		return seen(looked, fail(err.Error(), say("see the log of a server on this store")))
	}
	old := 0
	for i := range state.stored.Keys {
		if !state.master.Current(state.stored.Keys[i].Sealed) {
			old++
		}
	}
	looked += ", which the master key opens"
	if old > 0 {
		looked += fmt.Sprintf("; %d are sealed under an older version, whose line must stay", old)
	}
	return seen(looked)
}

func (p *patient) placeMaster() Fix {
	return Fix{Text: "restore the master key of this store, or point masterKey.file at it", Place: &Place{File: p.settings.MasterKey.File, What: whatMaster}}
}

func checkKeyAges(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	state := p.ring()
	if state.err != nil {
		return skip("needs the key ring, see key-ring")
	}
	var findings []Finding
	looked, now := "", p.Now()
	for _, alg := range p.algs() {
		text, finding := p.ageOf(state.keys, alg, now)
		if looked != "" {
			looked += "; "
		}
		looked += string(alg) + " " + text
		if finding != nil {
			findings = append(findings, *finding)
		}
	}
	return seen(looked, findings...)
}

// ageOf tells of the chain of keys of one algorithm.
func (p *patient) ageOf(all []keys.Info, alg keys.Alg, now time.Time) (string, *Finding) {
	var active, next *keys.Info
	for i := range all {
		switch key := &all[i]; {
		case key.Alg != alg:
		case key.State == keys.Active:
			active = key
		case key.State == keys.Published && next == nil:
			next = key
		}
	}
	lead := p.settings.Keys.JWKSMaxAge + time.Minute
	start := say("start a server, which makes one: " + p.cambio("serve"))
	if p.alive() {
		start = say("a server runs and makes none: see `keys` in its log, and whether the store takes writes")
	}
	switch {
	case active == nil && next != nil && len(all) > 1 && next.ActiveFrom.After(now):
		return "has no key yet that signs", &Finding{Warn, "no key signs until " + next.ActiveFrom.UTC().Format(time.RFC3339), say("wait: it is published before it signs")}
	case active == nil:
		return "has no key that signs", &Finding{Warn, "the last key has ended, or there was none, and no successor signs", start}
	}
	text := fmt.Sprintf("signs by %s, %s old, until %s", active.KID, days(now.Sub(active.ActiveFrom)), active.RetireFrom.UTC().Format(time.RFC3339))
	if next == nil && active.RetireFrom.Sub(now) < lead {
		return text, &Finding{Warn, "no successor is published, and the key ends in " + active.RetireFrom.Sub(now).Round(time.Minute).String(), start}
	}
	return text, nil
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
