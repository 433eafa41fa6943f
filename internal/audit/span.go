package audit

import "math"

const (
	minTime = math.MinInt64
	maxTime = math.MaxInt64
)

// span is the time from first to last, both of them in it, in Unix milliseconds.
type span struct {
	first, last int64
	size        int64 // of the file it was learned of
}

// always is the span of a file of which nothing is known.
func always() span { return span{first: minTime, last: maxTime} }

// never is the span of no line.
func never() span { return span{first: maxTime, last: minTime} }

// with returns s with t in it.
func (s span) with(t int64) span {
	s.first, s.last = min(s.first, t), max(s.last, t)
	return s
}

func (s span) has(t int64) bool { return s.first <= t && t <= s.last }

func (s span) meets(other span) bool { return s.first <= other.last && other.first <= s.last }

// known returns the span of a file that was read to its end and has not grown since,
// else always.
func (a *Archive) known(f *linesFile) span {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s, ok := a.spans[f.name]; ok && s.size == f.size {
		return s
	}
	return always()
}

// learn remembers the span of a file.
func (a *Archive) learn(f *linesFile, s span) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.size = f.size
	a.spans[f.name] = s
}

// forget drops what is known of files that are gone, or have another size.
func (a *Archive) forget(listed map[string]int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, s := range a.spans {
		if size, ok := listed[name]; !ok || size != s.size {
			delete(a.spans, name)
		}
	}
}
