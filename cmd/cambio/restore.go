package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/instant"
	"github.com/cambio-sts/cambio/internal/replay"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/transfer"
)

// restoreOptions are the flags of restore.
type restoreOptions struct {
	config  string
	trails  []string
	replace bool
	damaged bool
}

func newRestore() *cobra.Command {
	var options restoreOptions
	command := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup into the store, and end again what ended since it was taken",
		Long: "Put a backup into the store, which has to be empty and stopped, and end again what the audit trail says ended since it was taken:\n" +
			"a token that was revoked today does not live again by yesterday's backup. What was made or changed since is lost; the command\n" +
			"tells how much that is. One that was interrupted goes on where it was when it is repeated.",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			settings, err := loadConfig(options.config, command.Flags())
			if err != nil {
				return err
			}
			return restore(command.Context(), settings, args[0], &options, command.ErrOrStderr(), command.OutOrStdout())
		},
	}
	addConfigFlags(command.Flags(), &options.config)
	command.Flags().StringArrayVar(&options.trails, "trail", nil, "another folder with an audit trail, of a replica that wrote elsewhere than audit.dir (may be repeated)")
	command.Flags().BoolVar(&options.replace, "replace", false, "move the file of an embedded store that exists aside, to the same name with .replaced")
	command.Flags().BoolVar(&options.damaged, "accept-damaged-trail", false, "go on although the audit trail is missing or not whole: what ended since may live again")
	return command
}

// early is how much before its time a backup is taken to have begun: clocks differ.
const early = 2 * pat.MaxSkew

func restore(ctx context.Context, settings *config.Config, file string, options *restoreOptions, told, out io.Writer) error {
	from, taken, err := openBackup(ctx, file)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	if _, err := openFilled(ctx, from, settings); err != nil {
		return err
	}
	own, err := eventsOf(ctx, from)
	if err != nil {
		return err
	}
	trail, err := readTrails(ctx, from, settings.Audit.Dir, options, taken.Add(-early), own, told)
	if err != nil {
		return err
	}
	unshipped, err := setAside(ctx, &settings.Store, options, told)
	if err != nil {
		return err
	}
	events := endedSince(trail, slices.Concat(own, unshipped), taken.Add(-early))
	to, err := openTarget(ctx, &settings.Store)
	if err != nil {
		return err
	}
	report, err := refill(ctx, without{from, trail}, file, to, settings, events, told)
	if err := errors.Join(err, to.Close()); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "restored %s to the state of %s\n", settings.Store.URL, instant.Format(taken))
	printReport(out, &report)
	return nil
}

func openBackup(ctx context.Context, file string) (*bolt.DB, time.Time, error) {
	from, err := openFile(bolt.Config{Path: file, Importing: true, Now: time.Now})
	if err != nil {
		return nil, time.Time{}, err
	}
	taken, ok, err := from.Taken(ctx)
	if err == nil && !ok {
		err = &cli.Error{
			Code: "no_backup", Cause: file + " is a store and no backup: it does not say when it was taken",
			Fix: "name a file that `cambio backup` wrote; a store is served where it lies", Exit: cli.ExitRefused,
		}
	}
	if err != nil {
		return nil, time.Time{}, errors.Join(err, from.Close())
	}
	return from, taken, nil
}

// setAside moves the file of an embedded store away, if it may, and returns the events
// that it had not shipped: they are in no trail. One that is half restored stays.
func setAside(ctx context.Context, settings *config.Store, options *restoreOptions, told io.Writer) ([]audit.Event, error) {
	path := settings.URL.Path
	if settings.URL.Kind != config.KindBolt {
		return nil, nil
	}
	aside := path + ".replaced"
	switch half, err := halfFilled(ctx, path); {
	case err != nil:
		return nil, err
	case exists(path) && !half && !options.replace:
		return nil, &cli.Error{
			Code: "store_exists", Cause: path + " exists", Exit: cli.ExitRefused,
			Fix: "stop its server and pass --replace, which moves it to " + filepath.Base(aside) + "; what it has not shipped to the audit trail counts, too",
		}
	case exists(path) && !half && exists(aside):
		return nil, &cli.Error{Code: "file_exists", Cause: aside + " exists, of another restore", Fix: "move it away", Exit: cli.ExitRefused}
	case exists(path) && !half:
		if err := os.Rename(path, aside); err != nil {
			return nil, err
		}
	}
	if !exists(aside) {
		return nil, nil
	}
	events, err := unshippedOf(ctx, aside)
	switch {
	case err == nil:
		return events, nil
	case !options.damaged: // it may be why there is a restore
		return nil, &cli.Error{
			Code: "store_unreadable", Cause: "what " + aside + " had not shipped to the audit trail is not known: " + unstutter(err), Exit: cli.ExitRefused,
			Fix: "pass --accept-damaged-trail, and look through the tokens that were ended in its last second",
		}
	default:
		_, _ = fmt.Fprintf(told, "warning: %v\nwhat that store had not shipped to the audit trail may live again\n", unstutter(err))
		return nil, nil
	}
}

// halfFilled reports whether a restore into the file has begun. A file that another
// has, or that is damaged, is not half filled.
func halfFilled(ctx context.Context, path string) (bool, error) {
	db, err := bolt.Open(bolt.Config{Path: path, Importing: true, LockTimeout: time.Millisecond, Now: time.Now})
	switch {
	case errors.Is(err, bolt.ErrLocked):
		return false, &cli.Error{Code: "store_in_use", Cause: path + " is served", Fix: "stop its server first", Exit: cli.ExitRefused}
	case err != nil:
		return false, nil //nolint:nilerr // it is for --replace to move it away
	}
	state, err := db.State(ctx)
	return state.Mark != nil || state.Empty, errors.Join(err, db.Close()) // made and no more is half, too
}

func unshippedOf(ctx context.Context, path string) ([]audit.Event, error) {
	db, err := openFile(bolt.Config{Path: path, Now: time.Now})
	if err != nil {
		return nil, err
	}
	events, err := eventsOf(ctx, db)
	return events, errors.Join(err, db.Close())
}

// eventsOf reads the events that await shipping.
func eventsOf(ctx context.Context, db *bolt.DB) ([]audit.Event, error) {
	var events []audit.Event
	for batch, err := range db.Items(ctx, "") {
		if err != nil {
			return nil, err
		}
		for _, item := range batch.Items {
			if item.Event != nil {
				if event, err := item.Event.Parsed(); err == nil {
					events = append(events, event)
				}
			}
		}
	}
	return events, nil
}

// readTrails reads what changed since, after it has proved that nothing is missing
// and that it is the trail of this deployment. own are events that the backup had not
// shipped: the trail tells whether they were shipped afterwards.
func readTrails(
	ctx context.Context, from *bolt.DB, dir string, options *restoreOptions, since time.Time, own []audit.Event, told io.Writer,
) ([]audit.Event, error) {
	catalog, err := from.Catalog().Load(ctx)
	if err != nil {
		return nil, err
	}
	earliest := since
	for i := range own {
		if own[i].Time.Before(earliest) {
			earliest = own[i].Time
		}
	}
	dirs := options.trails
	if exists(dir) || len(dirs) == 0 { // on another machine there may be copies only
		dirs = append([]string{dir}, dirs...)
	}
	var all []audit.Event
	for _, dir := range dirs {
		trail, err := readTrail(dir, &catalog, since, earliest, options.damaged)
		if err != nil {
			return nil, &cli.Error{
				Code: "audit_trail", Cause: "the audit trail cannot tell what ended since the backup: " + err.Error(), Exit: cli.ExitRefused,
				Fix: "point audit.dir or --trail at the trail, see `cambio audit verify`; or pass --accept-damaged-trail, and look through the tokens yourself",
			}
		}
		if trail.Unreadable > 0 {
			_, _ = fmt.Fprintf(told, "warning: %d lines in %s were passed over\n", trail.Unreadable, dir)
		}
		all = append(all, trail.Events...)
	}
	slices.SortStableFunc(all, func(a, b audit.Event) int { return a.Time.Compare(b.Time) })
	return all, nil
}

func readTrail(dir string, catalog *directory.Catalog, since, earliest time.Time, damaged bool) (audit.Trail, error) {
	report, err := audit.Verify(dir)
	if err == nil && len(report.Problems) > 0 {
		p := report.Problems[0]
		err = fmt.Errorf("%s, line %d: %s", filepath.Join(dir, p.File), p.Line, p.Cause)
	}
	if err != nil && !damaged {
		return audit.Trail{}, err
	}
	if !exists(dir) {
		return audit.Trail{}, nil
	}
	trail, err := audit.Read(dir, earliest, damaged)
	if err != nil || damaged {
		return trail, err
	}
	ours := slices.ContainsFunc(catalog.Organizations, func(o directory.Organization) bool { return trail.Organizations[string(o.ID)] })
	switch {
	case trail.Lines == 0:
		return trail, errors.New(dir + " holds no trail")
	case !ours:
		return trail, errors.New(dir + " holds the trail of another deployment: none of its events is of an organization of the backup")
	case trail.Reaches.After(since):
		return trail, fmt.Errorf("%s has lost what happened before %s to audit.retention, and the backup is older", dir, instant.Format(trail.Reaches))
	}
	return trail, nil
}

// endedSince joins what was shipped and what was not, from a time on.
func endedSince(trail, unshipped []audit.Event, since time.Time) []audit.Event {
	seen, all := map[string]bool{}, []audit.Event{}
	for _, event := range slices.Concat(trail, unshipped) {
		if !seen[event.ID] && !event.Time.Before(since) {
			all = append(all, event)
		}
		seen[event.ID] = true
	}
	slices.SortStableFunc(all, func(a, b audit.Event) int { return a.Time.Compare(b.Time) })
	return all
}

// without is a backup without the events that were shipped after it was taken.
type without struct {
	transfer.Readable

	shipped []audit.Event
}

// Items implements transfer.Store.
func (s without) Items(ctx context.Context, after string) iter.Seq2[transfer.Batch, error] {
	shipped := map[string]bool{}
	for i := range s.shipped {
		shipped[s.shipped[i].ID] = true
	}
	return func(yield func(transfer.Batch, error) bool) {
		for batch, err := range s.Readable.Items(ctx, after) {
			batch.Items = slices.DeleteFunc(batch.Items, func(item transfer.Item) bool {
				if item.Event == nil {
					return false
				}
				event, err := item.Event.Parsed()
				return err == nil && shipped[event.ID]
			})
			if !yield(batch, err) {
				return
			}
		}
	}
}

// refill brings a backup into its store, and then to what has ended.
func refill(
	ctx context.Context, from transfer.Readable, name string, to carrier, settings *config.Config, events []audit.Event, told io.Writer,
) (replay.Report, error) {
	if err := requireStopped(ctx, to, &settings.Store); err != nil {
		return replay.Report{}, err
	}
	whole, err := stopped(ctx, from, name)
	if err != nil {
		return replay.Report{}, err
	}
	if err := copyAll(ctx, whole, to, settings.Store.URL.String(), told); err != nil {
		return replay.Report{}, err
	}
	n, err := openFilled(ctx, to, settings)
	if err != nil {
		return replay.Report{}, err
	}
	again, err := replay.New(replay.Config{Tokens: n.tokens, Directory: n.directory, Keys: n.ring, Now: time.Now})
	if err != nil {
		return replay.Report{}, err
	}
	report, err := again.Apply(ctx, events)
	if err != nil {
		return report, err
	}
	return report, to.Finish(ctx)
}

// printReport says what became of what happened since the backup.
func printReport(out io.Writer, report *replay.Report) {
	for _, part := range []struct {
		title  string
		counts map[audit.Name]int
	}{
		{"ended again since then", report.Applied},
		{"LOST, for a backup knows nothing of what was made or changed after it", report.Lost},
	} {
		if len(part.counts) == 0 {
			continue
		}
		_, _ = fmt.Fprintln(out, part.title+":")
		for _, name := range slices.Sorted(maps.Keys(part.counts)) {
			_, _ = fmt.Fprintf(out, "  %d %s\n", part.counts[name], name)
		}
	}
}
