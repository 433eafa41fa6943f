package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/internal/id"
)

const (
	stampFormat   = "20060102T150405.000Z"
	linesExt      = ".jsonl"
	headExt       = ".head"
	checkpointExt = ".checkpoint"
)

// folder is the directory that holds the lines and the marks.
type folder string

func (d folder) path(name string) string { return filepath.Join(string(d), name) }

func (d folder) open(name string, flag int) (*os.File, error) {
	return os.OpenFile(d.path(name), flag, 0o600)
}

// sync makes the names in the folder durable.
func (d folder) sync() (err error) {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Sync()
}

// readEnd returns the last bytes of a file, at most limit of them, and where they
// start.
func (d folder) readEnd(name string, limit int64) (end []byte, start int64, err error) {
	f, err := d.open(name, os.O_RDONLY)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	start = max(info.Size()-limit, 0)
	end, err = io.ReadAll(io.NewSectionReader(f, start, info.Size()-start))
	return end, start, err
}

func linesName(stamp time.Time, writer string) string {
	return stamp.UTC().Format(stampFormat) + "-" + writer + linesExt
}

func headName(writer string) string { return writer + headExt }

func checkpointName(writer string, seq uint64) string {
	return fmt.Sprintf("%s-%020d%s", writer, seq, checkpointExt)
}

// trail is what a folder holds of one writer.
type trail struct {
	writer      string
	lines       []string // file names, oldest first
	head        bool
	checkpoints []string // file names, oldest first
}

// trails lists what the folder holds, in the order in which the writers began;
// those of which marks alone are left come last.
func (d folder) trails() ([]trail, error) {
	entries, err := os.ReadDir(string(d)) // sorted by name
	if err != nil {
		return nil, err
	}
	var (
		found  []trail
		places = map[string]int{}
	)
	for _, entry := range entries {
		writer, kind := classify(entry)
		if kind == "" {
			continue
		}
		i, known := places[writer]
		if !known {
			i = len(found)
			places[writer] = i
			found = append(found, trail{writer: writer})
		}
		switch kind {
		case linesExt:
			found[i].lines = append(found[i].lines, entry.Name())
		case headExt:
			found[i].head = true
		case checkpointExt:
			found[i].checkpoints = append(found[i].checkpoints, entry.Name())
		}
	}
	slices.SortStableFunc(found, func(a, b trail) int {
		return strings.Compare(a.begin(), b.begin())
	})
	return found, nil
}

// trailOf returns the trail of writer as it is now.
func (d folder) trailOf(writer string) (trail, error) {
	all, err := d.trails()
	if err != nil {
		return trail{}, err
	}
	for _, t := range all {
		if t.writer == writer {
			return t, nil
		}
	}
	return trail{writer: writer}, nil
}

// begin sorts trails: "~" comes after every digit.
func (t trail) begin() string {
	if len(t.lines) == 0 {
		return "~" + t.writer
	}
	return t.lines[0]
}

// classify tells whose file an entry is and what it holds, or "", "".
func classify(entry fs.DirEntry) (writer, kind string) {
	name := entry.Name()
	kind = filepath.Ext(name)
	stem := strings.TrimSuffix(name, kind)
	switch kind {
	case linesExt:
		if len(stem) != len(stampFormat)+1+id.Len {
			return "", ""
		}
		writer = stem[len(stampFormat)+1:]
	case headExt:
		writer = stem
	case checkpointExt:
		writer, _, _ = strings.Cut(stem, "-")
	}
	if !id.Valid(writer) || !entry.Type().IsRegular() {
		return "", ""
	}
	return writer, kind
}
