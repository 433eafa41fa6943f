package doctor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cambio-sts/cambio/credentials"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/storage/redis"
)

const (
	// checkTimeout bounds each check, shared what several of them need, and whole all.
	checkTimeout  = 20 * time.Second
	sharedTimeout = 8 * time.Second
	wholeTimeout  = 28 * time.Second
)

// Config is what Examine needs; all of it but CAFile and TZ.
type Config struct {
	// Sources are where the configuration comes from.
	Sources config.Sources
	// CAFile has certificate authorities to trust besides the system's; empty is none.
	CAFile string
	// TZ is the time zone that the environment asks for; empty is the machine's.
	TZ  string
	Now func() time.Time
	// Servers says how the servers of a store are connected to.
	Servers func(store *config.Store) (redis.Config, error)
	// Serving asks the process that has the file of an embedded store. It fails with
	// ErrStranger if that has another master key.
	Serving func(ctx context.Context, settings *config.Config) (Serving, error)
	// Provider makes the provider of credentials at a place of the configuration, and
	// connects to nobody.
	Provider func(settings *config.Config, i int) (credentials.Provider, error)
	// Machine is what the machine gives.
	Machine Machine
}

// Machine is what the machine gives to a process.
type Machine interface {
	// OpenFiles is how many files a process may have open; false where nothing bounds it.
	OpenFiles() (uint64, bool)
	// Space is how many bytes are free to a user on the disk of a folder, and how many
	// there are; false where that cannot be told.
	Space(folder string) (free, all uint64, ok bool)
}

// Serving is what the process that has an embedded store says of it.
type Serving struct {
	Keys    keys.Stored `json:"keys"`    // sealed as it is stored
	Waiting int64       `json:"waiting"` // audit events that wait to be shipped
}

// ErrStranger says that a running server has another master key.
var ErrStranger = errors.New("the running server has another master key")

// Check is a row of the table.
type Check struct {
	ID    string // short, stable
	Title string
	// Looks says for people what it looks at.
	Looks string
	run   func(ctx context.Context, p *patient) outcome
}

// outcome is what a check returns.
type outcome struct {
	looked   string
	findings []Finding
	skipped  bool // looked says why
}

func skip(why string, args ...any) outcome {
	return outcome{looked: fmt.Sprintf(why, args...), skipped: true}
}

// seen is an outcome with what is wrong, if anything is.
func seen(looked string, findings ...Finding) outcome {
	return outcome{looked: looked, findings: findings}
}

// Examine runs every check, all at once, and returns what they found, within half a
// minute. What it cannot do is a finding, not an error.
func Examine(ctx context.Context, c Config) *Report {
	ctx, cancel := context.WithTimeout(ctx, wholeTimeout)
	defer cancel()
	p := newPatient(ctx, c)
	table := Checks()
	report := &Report{Schema: Schema, At: c.Now().UTC(), Status: OK, Configuration: p.configuration(), Checks: make([]Result, len(table))}
	var all sync.WaitGroup
	for i, check := range table {
		all.Go(func() { report.Checks[i] = check.examine(ctx, p) })
	}
	all.Wait()
	for i := range report.Checks {
		switch report.Checks[i].Status {
		case Fail:
			report.Status, report.Exit = Fail, ExitFail
		case Warn:
			if report.Status == OK {
				report.Status, report.Exit = Warn, ExitWarn
			}
		case OK, Skip:
		}
	}
	return report
}

// examine runs the check. One that takes too long is left alone.
func (c *Check) examine(ctx context.Context, p *patient) Result {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	done := make(chan outcome, 1)
	go func() { done <- c.run(ctx, p) }()
	var out outcome
	select {
	case out = <-done:
	case <-ctx.Done():
		out = seen("no end in time", warn("the check took longer than "+checkTimeout.String(), say("see whether the disk or the network hangs, and try again")))
	}
	result := Result{ID: c.ID, Title: c.Title, Status: OK, Looked: out.looked, Findings: out.findings}
	if out.skipped {
		result.Status = Skip
	}
	for _, finding := range out.findings {
		if result.Status != Fail {
			result.Status = finding.Status
		}
	}
	if result.Findings == nil {
		result.Findings = []Finding{}
	}
	return result
}
