package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
	"github.com/cambio-sts/cambio/storage/transfer"
)

// look is what a store holds under each version of the master key, and who serves it.
type look struct {
	sealed map[int]int // the canary and signing keys
	tokens map[int]int // those whose secret is still of use
	named  []waiting   // those of them under the versions that were asked for
	// shared says that several servers may use the store; then serving of them do, and
	// held are the versions of those that tell, the one that seals first.
	shared  bool
	serving int
	held    [][]int
}

// waiting is a token that waits to be used under a newer version.
type waiting struct {
	version  int
	id       pat.ID
	owner    directory.ID
	name     string
	lastUsed time.Time
}

// lookAt reads all of a store: that of Redis as it changes, an embedded one from a copy,
// which its server hands out if there is one. name says of which versions the tokens are
// named; nil: of none.
func lookAt(ctx context.Context, settings *config.Config, name func(version int) bool) (*look, error) {
	if name == nil {
		name = func(int) bool { return false }
	}
	l := &look{sealed: map[int]int{}, tokens: map[int]int{}}
	if settings.Store.URL.Kind == config.KindBolt {
		return l, l.copied(ctx, settings, name)
	}
	from, err := openSource(ctx, &settings.Store)
	if err != nil {
		return nil, err
	}
	err = l.read(ctx, from, name)
	if servers, ok := from.(*redis.DB); ok && err == nil {
		l.shared = true
		err = l.ask(ctx, servers)
	}
	return l, errors.Join(err, from.Close())
}

func (l *look) copied(ctx context.Context, settings *config.Config, name func(int) bool) (err error) {
	folder, err := os.MkdirTemp("", "cambio-*") // for nobody else to read
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "copy.db")
	if err := copyFile(ctx, settings, path); err != nil {
		return err
	}
	from, err := openFile(bolt.Config{Path: path, Importing: true, Now: time.Now})
	if err != nil {
		return err
	}
	return errors.Join(l.read(ctx, from, name), from.Close())
}

func (l *look) read(ctx context.Context, from transfer.Readable, name func(int) bool) error {
	now, seen := time.Now(), map[pat.ID]bool{} // what changes meanwhile may come twice
	for batch, err := range from.Items(ctx, "") {
		if err != nil {
			return err
		}
		for i := range batch.Items {
			item := &batch.Items[i]
			if item.Ring != nil {
				l.sealed = item.Ring.SealedUnder()
			}
			if item.Token == nil || seen[item.Token.ID] {
				continue
			}
			seen[item.Token.ID] = true
			for _, version := range item.Token.PeppersAt(now) {
				if l.tokens[version]++; name(version) {
					l.named = append(l.named, waiting{version, item.Token.ID, item.Token.Owner, item.Token.Name, item.Token.LastUsed})
				}
			}
		}
	}
	return nil
}

// ask asks who serves, and by which versions.
func (l *look) ask(ctx context.Context, servers *redis.DB) error {
	notes, serving, err := servers.Notes(ctx)
	if err != nil {
		return err
	}
	l.serving = max(serving, len(notes))
	for _, note := range notes {
		versions, err := parseNote(note)
		if err != nil {
			return err
		}
		l.held = append(l.held, versions)
	}
	return nil
}

// versions are those that something is under.
func (l *look) versions() []int {
	under := slices.AppendSeq(slices.Collect(maps.Keys(l.sealed)), maps.Keys(l.tokens))
	slices.Sort(under)
	return slices.Compact(under)
}

// serversWithout counts the servers that do not have a version, or do not tell.
func (l *look) serversWithout(version int) int {
	n := l.serving
	for _, versions := range l.held {
		if slices.Contains(versions, version) {
			n--
		}
	}
	return n
}

// serversSealing counts the servers that seal by a version, or do not tell.
func (l *look) serversSealing(version int) int {
	n := l.serving
	for _, versions := range l.held {
		if versions[0] != version {
			n--
		}
	}
	return n
}
