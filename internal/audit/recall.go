package audit

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"slices"
)

const (
	// recallBytes and recallIDs bound what OpenSink reads and remembers. The
	// events in question are those of one batch that a Shipper had appended and
	// not yet discarded, with the uses that were recorded since.
	recallBytes = 32 << 20
	recallIDs   = 1 << 16
)

// recent remembers the last so many keys, and where each was seen. It is not
// safe for concurrent use.
type recent struct {
	capacity int
	seen     map[string]string
	ring     []string
	next     int
}

func newRecent(capacity int) *recent {
	return &recent{capacity: capacity, seen: map[string]string{}}
}

// add remembers key and forgets the oldest when there are too many.
func (r *recent) add(key, where string) {
	if _, known := r.seen[key]; known {
		return
	}
	if len(r.ring) < r.capacity {
		r.ring = append(r.ring, key)
	} else {
		delete(r.seen, r.ring[r.next])
		r.ring[r.next] = key
		r.next = (r.next + 1) % len(r.ring)
	}
	r.seen[key] = where
}

// find returns where key was seen, if it is remembered.
func (r *recent) find(key string) (where string, known bool) {
	where, known = r.seen[key]
	return where, known
}

// recall returns the ids of shipped events in the ends of the newest files. The
// files are synced first: an event that is taken for kept is discarded by its
// store, so it must survive the machine, not only the process that wrote it.
func (d folder) recall() (*recent, error) {
	known := newRecent(recallIDs)
	files, err := d.newest()
	if err != nil {
		return nil, err
	}
	budget := int64(recallBytes)
	for _, f := range files {
		if budget <= 0 || len(known.seen) >= recallIDs {
			break
		}
		end, err := d.readSynced(f.Name(), budget)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process has just removed it
		}
		if err != nil {
			return nil, err
		}
		budget -= int64(len(end))
		remember(known, end)
	}
	return known, nil
}

// readSynced is readEnd of a file that is on disk as it is read.
func (d folder) readSynced(name string, limit int64) ([]byte, error) {
	end, _, err := d.readEnd(name, limit)
	if err != nil {
		return nil, err
	}
	f, err := d.open(name, os.O_WRONLY)
	if err != nil {
		return nil, err
	}
	return end, errors.Join(f.Sync(), f.Close())
}

// remember adds the ids of the whole lines in text that may have come through
// an Outbox.
func remember(known *recent, text []byte) {
	for {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			return
		}
		text = rest
		if ofUse(line) {
			continue
		}
		if p, ok := parseLine(line); ok {
			known.add(p.id, "")
		}
	}
}

// ofUse tells the bulk of the lines, uses, from changes of state without
// parsing: a string inside JSON cannot hold a bare quote.
func ofUse(line []byte) bool {
	return bytes.Contains(line, []byte(`,"event":"`+string(TokenUsed)+`"`)) ||
		bytes.Contains(line, []byte(`,"event":"`+string(TokenUseFailed)+`"`))
}

// newest lists the files of lines, the last written first.
func (d folder) newest() ([]fs.FileInfo, error) {
	trails, err := d.trails()
	if err != nil {
		return nil, err
	}
	var files []fs.FileInfo
	for _, t := range trails {
		for _, name := range t.lines {
			info, err := os.Stat(d.path(name))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			files = append(files, info)
		}
	}
	slices.SortStableFunc(files, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	return files, nil
}
