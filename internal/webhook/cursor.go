package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// maxCursor is the greatest size of a cursor file in bytes: some 10 000 writers.
const maxCursor = 2 << 20

// ErrCursor says that a cursor file is damaged.
var ErrCursor = errors.New("the cursor is damaged; remove the file, and events are sent from now on")

// cursor is how far a receiver has got.
type cursor struct {
	At audit.Bookmarks `json:"at"`
	// FailingSince is when the first of the attempts was that have failed since the last
	// one that did not.
	FailingSince time.Time `json:"failingSince,omitzero"`
}

// stem is where the files of a receiver begin. What it is told from others by may be a
// capability, and is not in it.
func stem(dir, url, organization string) string {
	sum := sha256.Sum256([]byte(url + "\x00" + organization))
	return filepath.Join(dir, "webhook-"+hex.EncodeToString(sum[:id.Len/2]))
}

// parseCursor accepts what encode makes.
func parseCursor(text []byte) (cursor, error) {
	var c cursor
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&c); err != nil {
		return cursor{}, ErrCursor
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) || c.At == nil {
		return cursor{}, ErrCursor
	}
	for writer, at := range c.At {
		if !id.Valid(writer) || at.Offset < 0 || at.File != filepath.Base(at.File) && at.File != "" {
			return cursor{}, ErrCursor
		}
	}
	return c, nil
}

// loadCursor reads the cursor at path; fs.ErrNotExist, ErrCursor.
func loadCursor(path string) (cursor, error) {
	f, err := os.Open(path) //nolint:gosec // a name of our own in the audit folder
	if err != nil {
		return cursor{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxCursor+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return cursor{}, err
	}
	if len(text) > maxCursor {
		return cursor{}, fmt.Errorf("%s: %w", path, ErrCursor)
	}
	c, err := parseCursor(text)
	if err != nil {
		return cursor{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// save puts the cursor at path durably, in one step.
func (c *cursor) save(path string) error {
	return c.put(path, os.Rename)
}

// create puts the cursor at path unless there is one.
func (c *cursor) create(path string) error {
	err := c.put(path, os.Link)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// put writes the cursor to a file beside path, which place then brings there.
func (c *cursor) put(path string, place func(from, to string) error) (err error) {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // after a rename there is none
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
