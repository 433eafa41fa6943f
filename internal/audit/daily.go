package audit

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/internal/id"
)

// Day is how often tokens were used on a day of UTC.
type Day struct {
	Begin   time.Time // midnight
	Used    int       // TokenUsed
	Refused int       // TokenUseFailed
}

// Daily is the uses of an organization day by day, oldest first.
type Daily struct {
	Days []Day
	// Damaged says that something could not be read.
	Damaged bool
	// Partial says that there was more to count than one look may take. The next one goes
	// on where this one ended.
	Partial bool
}

const (
	// dailyBytes is how much one look counts at most, which takes it some seconds.
	dailyBytes = 2 << 30
	dayMillis  = 24 * 60 * 60 * 1000
)

// Daily tells how often the tokens of an organization were used and refused on so many
// days, the first of which is that of a time in UTC. An empty organization: those uses
// that belong to none.
//
// What is counted of a file is kept, so that each line is looked at once, at the first
// look after it was written, and only as far as it must be. One look goes on at a time and
// the others wait for it, or for ctx; where one ends early, the next goes on. Of a trail in
// which more organizations were busy on more days than are kept, some is counted again.
func (a *Archive) Daily(ctx context.Context, organization string, first time.Time, days int) (Daily, error) {
	begin := dayOf(first.UnixMilli())
	found := Daily{Days: make([]Day, days)}
	for i := range found.Days {
		found.Days[i].Begin = time.UnixMilli((begin + int64(i)) * dayMillis).UTC()
	}
	select {
	case a.tallies.turn <- struct{}{}:
		defer func() { <-a.tallies.turn }()
	case <-ctx.Done():
		return Daily{}, context.Cause(ctx)
	}
	files, err := a.counted(span{first: begin * dayMillis, last: (begin+int64(days))*dayMillis - 1})
	if err != nil {
		return Daily{}, fmt.Errorf("read audit folder: %w", err)
	}
	budget := a.tallies.budget
	for i := range files {
		t, err := a.tallies.of(ctx, &files[i], &budget)
		if err != nil {
			return Daily{}, fmt.Errorf("count %s: %w", files[i].name, err)
		}
		found.Damaged = found.Damaged || t.hasDamage(files[i].newest)
		found.Partial = found.Partial || t.behind
		t.addTo(found.Days, organization, begin)
	}
	return found, nil
}

// counted lists the files that may have lines in within, the last written first.
func (a *Archive) counted(within span) ([]countedFile, error) {
	streams, err := a.streams(within)
	if err != nil {
		return nil, err
	}
	trails, err := a.dir.trails()
	if err != nil {
		return nil, err
	}
	a.tallies.forget(trails)
	var files []countedFile
	for _, s := range streams {
		for _, f := range s.files {
			files = append(files, countedFile{linesFile: f, dir: a.dir, link: []byte(writerKey + s.writer + prevKey)})
		}
	}
	slices.SortStableFunc(files, func(x, y countedFile) int { return int(min(1, max(-1, y.written-x.written))) })
	return files, nil
}

// dayOf is the number of the day of UTC that a time is on, in Unix milliseconds.
func dayOf(millis int64) int64 {
	day := millis / dayMillis
	if millis%dayMillis < 0 {
		day--
	}
	return day
}

// use tells whether a line is of a use, and of whose. Its error is ErrDamaged.
func (g *glance) use() (name Name, organization []byte, err error) {
	if g.usual {
		if name, organization, ok := g.usualUse(); ok {
			return name, organization, nil
		}
	}
	entry, err := parseEntry(g.text)
	if err != nil || entry.Name != TokenUsed && entry.Name != TokenUseFailed {
		return "", nil, err
	}
	return entry.Name, []byte(entry.Organization), nil
}

// usualUse is use of a line with the members where appendJSON has them; false: it must be
// parsed.
func (g *glance) usualUse() (name Name, organization []byte, ok bool) {
	event, rest, found := bytes.Cut(g.text[eventAt:], []byte(`"`))
	if !found || bytes.IndexByte(event, '\\') >= 0 {
		return "", nil, false
	}
	switch string(event) {
	case string(TokenUsed):
		name = TokenUsed
	case string(TokenUseFailed):
		name = TokenUseFailed
	default:
		return "", nil, true
	}
	if !id.Valid(string(g.text[len(idKey) : len(idKey)+id.Len])) {
		return "", nil, false
	}
	value, has := bytes.CutPrefix(rest, []byte(organizationKey+`"`))
	if !has {
		return name, nil, !bytes.Contains(rest, []byte(organizationKey))
	}
	organization, _, found = bytes.Cut(value, []byte(`"`))
	return name, organization, found && bytes.IndexByte(organization, '\\') < 0
}
