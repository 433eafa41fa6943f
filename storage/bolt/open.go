package bolt

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/pat"
)

const (
	defaultLockTimeout = time.Second

	// batchDelay is how long a write waits for others to share its fsync with,
	// when another write is under way; a lone one does not wait.
	batchDelay = time.Millisecond
	// growth is by how much the file grows at once: an fsync more for each.
	growth = 1 << 20
	// reserved is address space, not memory: while the file fits in it, no write has
	// to wait for the readers to map the file anew. 16 GiB where there is plenty,
	// 256 KiB on a 32-bit machine.
	reserved = 1 << (strconv.IntSize/2 + 2)
)

// Config says where the file is.
type Config struct {
	Path string // of the file; its folder must exist
	// Create makes a new file, with permissions 0600, if there is none.
	Create bool
	// Importing opens a file although an import into it is not finished, or although
	// it is a backup: for the one that carries it.
	Importing bool
	// LockTimeout is how long to wait for another process to let go of the file;
	// 0: 1 s.
	LockTimeout time.Duration
	Now         func() time.Time // the clock by which tokens expire; needed
	Logger      *zap.Logger      // nil: silent
}

// DB is an open file. It is safe to share. Its methods return stores over it,
// which answer with the errors of their ports, or with one that wraps
// fault.ErrUnavailable.
type DB struct {
	path   string
	now    func() time.Time
	bolt   *bbolt.DB
	file   *os.File    // bbolt's own handle, which it closes
	made   os.FileInfo // of file: what must still lie at path
	decoy  []byte      // the head of a row, of no token
	recent *recent

	writers   atomic.Int64 // under way
	unsettled atomic.Bool  // a commit failed, see settle
	failures  atomic.Int64 // of commits
}

// Open opens the file at config.Path, or makes it if there is none and
// config.Create is set. It refuses whatever might lose or undo a change with a
// *FileError: another process on the file (after LockTimeout), a file that is
// damaged, truncated, empty, of another byte order or not Cambio's.
func Open(config Config) (*DB, error) {
	if config.Path == "" || config.Now == nil {
		return nil, errors.New("bolt: a path and a clock are needed")
	}
	if config.LockTimeout <= 0 {
		config.LockTimeout = defaultLockTimeout
	}
	if config.Logger == nil {
		config.Logger = zap.NewNop()
	}
	db := &DB{path: config.Path, now: config.Now, decoy: decoyRow(), recent: newRecent()}
	if err := ensureFile(config); err != nil {
		return nil, err
	}
	if err := db.open(config.LockTimeout); err != nil {
		return nil, err
	}
	if err := db.whole(config.Importing); err != nil {
		return nil, errors.Join(err, db.bolt.Close())
	}
	if mode := db.made.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		config.Logger.Warn("others may read the database file; it holds digests of secrets and sealed keys",
			zap.String("path", config.Path), zap.Stringer("mode", mode))
	}
	return db, nil
}

// ensureFile makes the file if it is missing and may be made.
func ensureFile(config Config) error {
	_, err := os.Stat(config.Path)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return &FileError{Path: config.Path, Cause: err.Error(), Fix: "let the user that runs cambio reach the file", err: err}
	case !config.Create:
		return &FileError{
			Path: config.Path, Cause: "there is no such file",
			Fix: "run `cambio init` to make a new one, or restore it from a backup", err: fs.ErrNotExist,
		}
	}
	return createFile(config.Path)
}

// open locks the file, reads it through and only then lets bbolt have it.
func (db *DB) open(lockTimeout time.Duration) (err error) {
	defer func() {
		if p := recover(); p != nil {
			// bbolt panics on a page that is not what another page says it is.
			err = damaged(db.path, fmt.Sprint(p))
		}
		if err != nil && db.file != nil {
			_ = db.file.Close()
		}
	}()
	options := options()
	options.Timeout = lockTimeout
	options.OpenFile = func(path string, _ int, _ os.FileMode) (*os.File, error) {
		file, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the configured file; never made here
		if err != nil {
			return nil, &FileError{Path: path, Cause: err.Error(), Fix: "let the user that runs cambio read and write the file", err: err}
		}
		db.file = file
		if err := lockFile(file, lockTimeout); err != nil {
			return nil, locked(path, err)
		}
		if db.made, err = checkFile(file); err != nil {
			return nil, err
		}
		return file, nil
	}
	opened, err := bbolt.Open(db.path, 0o600, options)
	if err != nil {
		if fileErr, ok := errors.AsType[*FileError](err); ok {
			return fileErr
		}
		if errors.Is(err, bbolt.ErrTimeout) { //nolint:staticcheck // the alias keeps one import
			return locked(db.path, err)
		}
		return fmt.Errorf("open %s: %w", db.path, err)
	}
	opened.AllocSize = growth
	opened.MaxBatchDelay = batchDelay
	err = upgrade(opened)
	if err == nil {
		err = opened.View(func(tx *bbolt.Tx) error { return checkFormat(tx, db.path) })
	}
	if err != nil {
		return errors.Join(err, opened.Close())
	}
	db.bolt = opened
	return nil
}

// whole refuses a file that is half filled, or a backup, unless somebody carries it.
func (db *DB) whole(importing bool) error {
	if importing {
		return nil
	}
	return db.bolt.View(func(tx *bbolt.Tx) error { return wholeIn(tx, db.path) })
}

// wholeIn is whole, of who reads the file at path.
func wholeIn(tx *bbolt.Tx, path string) error {
	about := tx.Bucket(bucketAbout)
	switch {
	case about.Get(keyTaken) != nil:
		return &FileError{
			Path: path, Cause: "it is a backup: what has ended since it was taken lives in it",
			Fix: "put it into place with `cambio restore`, which ends that again",
		}
	case about.Get(keyImport) == nil:
		return nil
	}
	return &FileError{
		Path: path, Cause: "a restore or a migration into it has not finished",
		Fix: "run that command again, it goes on where it was; or remove the file",
	}
}

func options() *bbolt.Options {
	options := &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoStatistics: true}
	if runtime.GOOS != "windows" { // there the file would be as large
		options.InitialMmapSize = reserved
	}
	return options
}

// Close ends all stores over the file, after the transactions under way.
func (db *DB) Close() error {
	defer db.recent.write()() // nor is anything answered from memory
	if err := db.bolt.Close(); err != nil {
		return fmt.Errorf("close %s: %w", db.path, err)
	}
	return nil
}

// Ping reports whether the file can be read and still is the one at its path:
// an error that wraps fault.ErrUnavailable if it was removed, replaced or
// truncated.
func (db *DB) Ping(ctx context.Context) error {
	const op = "ping"
	if err := db.present(); err != nil {
		return failed(op, err)
	}
	return db.read(ctx, op, func(tx *bbolt.Tx) error {
		info, err := os.Stat(db.path)
		if err == nil && info.Size() < tx.Size() {
			return errors.New("the file was truncated")
		}
		if err != nil {
			return err
		}
		return checkFormat(tx, db.path)
	})
}

// present tells whether the file at the path is the one that is open.
func (db *DB) present() error {
	info, err := os.Stat(db.path)
	if err != nil {
		return err
	}
	if !os.SameFile(info, db.made) {
		return fmt.Errorf("%s was replaced by another file", db.path)
	}
	return nil
}

// Backup writes a copy of the file as of now to w, while reads and writes go on.
// The copy is a file that Open takes. What w holds after an error is no backup.
func (db *DB) Backup(ctx context.Context, w io.Writer) error {
	const op = "back up"
	before := db.failures.Load()
	err := db.read(ctx, op, func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(cancelable{ctx, w})
		return err
	})
	if err == nil && db.failures.Load() != before {
		// A commit that fails gives its pages back at once, also those that this
		// copy was about to read.
		return failed(op, errors.New("a write failed meanwhile, the copy may be torn"))
	}
	return err
}

// cancelable ends a copy when its context ends.
type cancelable struct {
	ctx context.Context //nolint:containedctx // lives as long as the call it belongs to
	io.Writer
}

func (c cancelable) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Writer.Write(p)
}

// decoyRow is read when there is no token of an id, so that this takes as long
// as one whose secret is wrong. Its digest is of nothing, and it is longer than
// what is read of it, as a token's row is.
func decoyRow() []byte {
	nothing := pat.Digest{Pepper: 1}
	_, _ = rand.Read(nothing.Sum[:]) // never fails since Go 1.24
	return encode(&pat.Record{Name: strings.Repeat("x", verifierLen), Verifier: pat.Verifier{Current: nothing}}, tokenMembers)
}
