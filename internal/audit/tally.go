package audit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"unique"
)

const (
	// tallyFiles and tallyEntries bound what is kept: an entry, which is of an organization
	// and a day in a file, takes some 50 bytes.
	tallyFiles   = 1 << 14
	tallyEntries = 1 << 19

	// tallyPause is after how many lines others are let pass.
	tallyPause = 256
)

// tallies are what was counted of files, by name. Whoever holds the turn uses them.
type tallies struct {
	turn    chan struct{}
	budget  int64 // bytes that one look counts
	most    int   // entries
	files   map[string]*tally
	entries int
	looks   uint64
}

func newTallies() *tallies {
	return &tallies{turn: make(chan struct{}, 1), budget: dailyBytes, most: tallyEntries, files: map[string]*tally{}}
}

// tally is what was counted of a file up to a place in it. Lines are only ever appended.
type tally struct {
	read    int64 // bytes of whole lines
	behind  bool  // there was more than a look may count
	damaged bool
	torn    bool // the last lines may be blocks that a crash left unwritten
	cut     bool // an end without a newline stands behind read
	uses    map[useKey]useCount
	asked   uint64 // in which look
}

type useKey struct {
	organization unique.Handle[string]
	day          int64
}

type useCount struct{ used, refused uint32 }

// countedFile is a file that is counted.
type countedFile struct {
	linesFile

	dir  folder
	link []byte // what its lines have between seq and hash
}

// forget drops what is known of files that are gone.
func (c *tallies) forget(trails []trail) {
	there := make(map[string]bool, len(c.files))
	for i := range trails {
		for _, name := range trails[i].lines {
			there[name] = true
		}
	}
	for name := range c.files {
		if !there[name] {
			c.drop(name)
		}
	}
}

func (c *tallies) drop(name string) {
	c.entries -= len(c.files[name].uses)
	delete(c.files, name)
}

// of returns what is counted of a file, which it brings up to date as far as the budget
// reaches.
func (c *tallies) of(ctx context.Context, f *countedFile, budget *int64) (*tally, error) {
	t, known := c.files[f.name]
	if !known || f.size < t.read { // it is not the file that it was
		if known {
			c.drop(f.name)
		}
		t = &tally{uses: map[useKey]useCount{}}
		c.files[f.name] = t
	}
	c.looks++
	t.asked = c.looks
	if f.size == t.read {
		return t, nil
	}
	before := len(t.uses)
	err := t.count(ctx, f, budget)
	c.entries += len(t.uses) - before
	for (c.entries > c.most || len(c.files) > tallyFiles) && len(c.files) > 1 {
		c.drop(c.oldest())
	}
	return t, err
}

// oldest is the file for which nobody asked for longest.
func (c *tallies) oldest() string {
	oldest := ""
	for name := range maps.Keys(c.files) {
		if oldest == "" || c.files[name].asked < c.files[oldest].asked {
			oldest = name
		}
	}
	return oldest
}

// count goes on to the end that the file had when it was listed.
func (t *tally) count(ctx context.Context, f *countedFile, budget *int64) (err error) {
	t.behind, t.cut = false, false
	if *budget <= 0 {
		t.behind = true
		return nil
	}
	file, err := f.dir.open(f.name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) { // retention was faster
		clear(t.uses)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	in := bufio.NewReaderSize(io.NewSectionReader(file, t.read, f.size-t.read), sectionBytes)
	known := map[string]unique.Handle[string]{}
	var buf []byte
	for n := 1; ; n++ {
		if n%tallyPause == 0 {
			runtime.Gosched()
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		line, taken, whole, err := readLine(in, buf[:0])
		if err != nil {
			return err
		}
		if buf = line; !whole {
			t.cut = taken > 0
			return nil
		}
		if t.read += taken; *budget < taken {
			t.behind = t.read < f.size
		}
		*budget -= taken
		t.take(line, f.link, known)
		if t.behind {
			return nil
		}
	}
}

// take looks at the next line.
func (t *tally) take(text, link []byte, known map[string]unique.Handle[string]) {
	line, ok := glanceAt(text, link)
	if !ok {
		blank := bytes.IndexByte(text, 0) >= 0
		t.torn, t.damaged = t.torn || blank, t.damaged || !blank
		return
	}
	t.torn, t.damaged = false, t.damaged || t.torn
	name, organization, err := line.use()
	t.damaged = t.damaged || err != nil
	if name == "" {
		return
	}
	handle, ok := known[string(organization)]
	if !ok {
		handle = unique.Make(string(organization))
		known[string(organization)] = handle
	}
	key := useKey{handle, dayOf(line.time)}
	count := t.uses[key]
	if name == TokenUsed {
		count.used++
	} else {
		count.refused++
	}
	t.uses[key] = count
}

// hasDamage reports whether something was passed over. What a crash left of a writer's
// last line is none.
func (t *tally) hasDamage(newest bool) bool { return t.damaged || (t.torn || t.cut) && !newest }

// addTo adds what an organization has on days, of which the first has a number.
func (t *tally) addTo(days []Day, organization string, first int64) {
	handle := unique.Make(organization)
	for i := range days {
		count := t.uses[useKey{handle, first + int64(i)}]
		days[i].Used += int(count.used)
		days[i].Refused += int(count.refused)
	}
}
