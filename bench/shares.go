package main

import (
	"errors"
	"fmt"
	"time"
)

// spent is processor time since the start of a process, or of the system.
type spent struct {
	cambio, redis, generator time.Duration
	machine
}

func readSpent(fleet []*contender) (s spent, err error) {
	var problems error
	for _, c := range fleet {
		used, err := cpu(c.server.pid())
		s.cambio, problems = s.cambio+used, errors.Join(problems, err)
	}
	if s.redis, err = cpu(fleet[0].redis.pid()); err != nil {
		return s, err
	}
	if s.generator, err = ownCPU(); err != nil {
		return s, err
	}
	s.machine, err = readMachine()
	return s, errors.Join(problems, err)
}

// shares is what the processors did in a turn, in processors: 1 is one that did nothing else.
type shares struct {
	Cambio    float64 `json:"cambio_cpus"` // all replicas together
	Redis     float64 `json:"redis_cpus"`
	Generator float64 `json:"generator_cpus"`
	Others    float64 `json:"other_cpus"` // the kernel apart from these, and whoever else uses the machine
	Idle      float64 `json:"idle_cpus"`
}

func (s *spent) since(before *spent, took time.Duration) shares {
	by := func(after, before time.Duration) float64 { return float64(after-before) / float64(took) }
	out := shares{
		Cambio: by(s.cambio, before.cambio), Redis: by(s.redis, before.redis), Generator: by(s.generator, before.generator), Idle: by(s.idle, before.idle),
	}
	out.Others = max(0, by(s.busy, before.busy)-out.Cambio-out.Redis-out.Generator)
	return out
}

// limit names what there is no more of.
func (s *shares) limit() string {
	const full = 0.9
	all := s.Cambio + s.Redis + s.Generator + s.Others + s.Idle
	switch {
	case s.Redis > full:
		return fmt.Sprintf("Redis: %.0f %% of its one thread", 100*s.Redis)
	case s.Idle > (1-full)*all:
		return "none: there is waiting"
	default:
		return fmt.Sprintf("processors: cambio %.0f %%", 100*s.Cambio/all)
	}
}
