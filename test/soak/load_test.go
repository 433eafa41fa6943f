package soak

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cambio-sts/cambio/internal/testenv/wire"
)

const (
	connections = 32
	share       = 0.70 // of the maximum is offered
	// patience bounds one request.
	patience = 10 * time.Second
	// lateAfter is how long after its time a request is sent late.
	lateAfter = 20 * time.Millisecond
	// shedAfter is how long after its time a request is not sent at all: nobody waits
	// so long, and what waited would be a load of its own.
	shedAfter = time.Second
	// mark begins the trace ids of the load, by which the trail is searched.
	mark = "50a450a450a4"
)

// window says which fault is on, and when the last answer suffered from it.
type window struct {
	kind    atomic.Int32 // its index; outside if none is
	failure atomic.Int64 // nanoseconds since 1970
}

const outside = -1

// worker is one connection. Others may read what it found once it has ended.
type worker struct {
	number, replica int
	addr            string
	began           time.Time // of the run
	window          *window
	requests        []request
	conn            *wire.Conn
	acked           []uint32 // by number of the request: milliseconds of the run until it was acknowledged; 0: it was not
	tallies         map[int32]*tally
	strays          []time.Duration // of the run: 503 outside of faults
	wrong           []string
}

// request is prepared.
type request struct {
	text   []byte
	number int  // offset of the 16 digits in it that tell it from others
	use    bool // it has an event of its own
}

// tally is what came of requests.
type tally struct {
	good, unavailable, broken, late, shed int
	times                                 histogram // of the good, from when they were due
}

func newWorkers(r *rig, began time.Time, w *window) []*worker {
	var all []*worker
	for i := range connections {
		at := i % len(r.replicas)
		addr := r.replicas[at].addr
		all = append(all, &worker{
			number: i, replica: at, addr: addr, began: began, window: w, tallies: map[int32]*tally{}, requests: prepare(addr, i, r.used),
		})
	}
	return all
}

// prepare makes the mix: of fifty requests one each is by Basic, by a proxy's door and
// an introspection.
func prepare(addr string, worker int, token pat) []request {
	make1 := func(method, path, auth, form string) request {
		head := method + " " + path + " HTTP/1.1\r\nHost: " + addr + "\r\nUser-Agent: cambio-soak\r\nAccept: application/json\r\n"
		if auth != "" {
			head += "Authorization: " + auth + "\r\n"
		}
		if form != "" {
			head += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(len(form)) + "\r\n"
		}
		head += fmt.Sprintf("Traceparent: 00-%s%04x", mark, worker)
		return request{[]byte(head + "0000000000000000-0000000000000001-00\r\n\r\n" + form), len(head), path != "/oauth2/introspect"}
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(token.ID+":"+token.Secret))
	exchange := make1(http.MethodPost, "/oauth2/token", "", url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		"subject_token":      {token.Token},
	}.Encode())
	mix := slices.Repeat([]request{exchange}, 50)
	mix[10] = make1(http.MethodPost, "/oauth2/token", basic, "grant_type=client_credentials")
	mix[20] = make1(http.MethodGet, "/forward-auth?audience=https://demo.example.com", "Bearer "+token.Token, "")
	mix[30] = make1(http.MethodPost, "/oauth2/introspect", basic, url.Values{"token": {token.Token}}.Encode())
	return mix
}

// drive has all workers send until ctx ends: as fast as they can, or so many a second
// together.
func drive(ctx context.Context, workers []*worker, perSecond float64) {
	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() {
			if perSecond == 0 {
				for ctx.Err() == nil {
					w.send(ctx, time.Now())
				}
				return
			}
			w.pace(ctx, time.Duration(float64(len(workers))/perSecond*float64(time.Second)))
		})
	}
	all.Wait()
}

// pace sends a request each period, whatever became of the one before.
func (w *worker) pace(ctx context.Context, period time.Duration) {
	due := time.Now().Add(period * time.Duration(w.number) / connections)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		t := w.tally(w.window.kind.Load())
		switch behind := time.Since(due); {
		case behind > shedAfter:
			missed := int(behind / period)
			t.shed += missed
			due = due.Add(period * time.Duration(missed))
		case behind > lateAfter:
			t.late++
		}
		w.send(ctx, due)
		due = due.Add(period)
	}
}

func (w *worker) tally(kind int32) *tally {
	if w.tallies[kind] == nil {
		w.tallies[kind] = &tally{}
	}
	return w.tallies[kind]
}

// request is what is sent as this number.
func (w *worker) request(number int) request { return w.requests[number%len(w.requests)] }

// send sends the next request and judges the answer. A fault that was on at its
// beginning or at its end may excuse it.
func (w *worker) send(ctx context.Context, due time.Time) {
	kind := w.window.kind.Load()
	number := len(w.acked)
	r := w.request(number)
	w.acked = append(w.acked, 0)
	status, body, err := w.do(ctx, r, number)
	ended := time.Now()
	if kind == outside {
		kind = w.window.kind.Load()
	}
	t := w.tally(kind)
	switch {
	case err == nil && status == http.StatusOK:
		t.good++
		t.times.add(ended.Sub(due))
		if r.use {
			w.acked[number] = uint32(ended.Sub(w.began)/time.Millisecond) + 1
		}
		return
	case err != nil && ctx.Err() != nil:
		return // it was given up
	case err != nil:
		t.broken++
	case status == http.StatusServiceUnavailable:
		t.unavailable++
	default:
		w.complain("%d %s", status, body)
		return
	}
	w.window.failure.Store(ended.UnixNano())
	switch {
	case kind != outside:
	case err != nil:
		w.complain(stray+": %v", err)
	default:
		w.strays = append(w.strays, ended.Sub(w.began))
	}
}

func (w *worker) complain(format string, args ...any) {
	if len(w.wrong) < 10 {
		w.wrong = append(w.wrong, fmt.Sprintf("%v connection %d: ", time.Since(w.began).Round(time.Millisecond), w.number)+fmt.Sprintf(format, args...))
	}
}

func (w *worker) do(ctx context.Context, r request, number int) (status int, body []byte, err error) {
	if w.conn == nil {
		if w.conn, err = wire.Dial(ctx, w.addr); err != nil {
			return 0, nil, err
		}
	}
	copy(r.text[r.number:], fmt.Sprintf("%016x", number))
	if err = w.conn.SetDeadline(time.Now().Add(patience)); err == nil {
		status, body, err = w.conn.Do(r.text)
	}
	if err != nil || w.conn.Ends() {
		w.close()
	}
	return status, body, err
}

func (w *worker) close() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

// merge adds up what the workers found, by kind of fault.
func merge(workers []*worker) map[int32]*tally {
	sum := map[int32]*tally{}
	for _, w := range workers {
		for kind, t := range w.tallies {
			if sum[kind] == nil {
				sum[kind] = &tally{}
			}
			sum[kind].add(t)
		}
	}
	return sum
}

func (t *tally) add(other *tally) {
	t.good += other.good
	t.unavailable += other.unavailable
	t.broken += other.broken
	t.late += other.late
	t.shed += other.shed
	t.times.merge(&other.times)
}

// histogram counts times in buckets, each a twentieth wider than the one before.
type histogram struct {
	buckets [400]int
	most    time.Duration
}

const (
	leastTime = 10 * time.Microsecond
	widening  = 1.05
)

func (h *histogram) add(d time.Duration) {
	h.most = max(h.most, d)
	at := math.Log(float64(max(d, leastTime))/float64(leastTime)) / math.Log(widening)
	h.buckets[min(int(at), len(h.buckets)-1)]++
}

func (h *histogram) merge(other *histogram) {
	h.most = max(h.most, other.most)
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
}

// quantile returns the upper bound of the bucket that has it; 0 for none.
func (h *histogram) quantile(q float64) time.Duration {
	total := 0
	for _, n := range h.buckets {
		total += n
	}
	left := int(math.Ceil(q * float64(total)))
	for i, n := range h.buckets {
		if left -= n; n > 0 && left <= 0 {
			return min(time.Duration(float64(leastTime)*math.Pow(widening, float64(i+1))), h.most)
		}
	}
	return 0
}

// stray begins a complaint of a connection that ended and no fault excuses.
const stray = "outside of any fault"

// strayShare of the answers outside of faults may be 503: a Redis server that takes a
// quarter of a second is none, and on a machine that does something else one may.
const strayShare = 1e-4

func isStray(complaint string) bool { return strings.Contains(complaint, stray) }
