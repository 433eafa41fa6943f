package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cambio-sts/cambio/pat"
)

const (
	tokensPath = "/api/v1/personal-access-tokens"
	// askedFor is how long one list is asked for, at least once and at most as often
	// as there are rounds.
	askedFor = 10 * time.Second
	creates  = 50
	kept     = 7 // of these, by one owner, who may have ten
)

// listed is one list, or a creation, as the front door answered it.
type listed struct {
	Name   string `json:"name"`
	Query  string `json:"query,omitempty"`
	Took   spread `json:"ms"`
	Shown  int    `json:"shown"`
	Total  int    `json:"total"` // X-Total-Count
	Rounds int    `json:"rounds"`
}

// listCell is the lists of one store with a number of tokens in one organization.
type listCell struct {
	Store   store    `json:"store"`
	Tokens  int      `json:"tokens"`
	Fill    float64  `json:"fill_s"`
	Lists   []listed `json:"lists"`
	Alone   spread   `json:"exchange_p99_alone_us"`
	Between spread   `json:"exchange_p99_during_us"` // while somebody sorts the whole list again and again
}

// asked are the lists that are asked for: each sorter, and filters of each kind.
func asked() []listed {
	filter := func(text string) string { return url.Values{"filters": {text}}.Encode() }
	lists := []listed{{Name: "newest"}, {Name: "newest, offset 500", Query: "offset=500"}}
	for _, sorter := range []string{
		"name", "owner.name", "ownerUsername", "ownerStatus", "status", "scope", "expirationDate", "created", "description", "-lastUsed",
	} {
		lists = append(lists, listed{Name: "by " + sorter, Query: "sorters=" + sorter})
	}
	for _, text := range []string{
		`name co "12"`, `ownerUsername sw "user-0"`, `status eq "Expired"`, `level eq "personal"`,
		`created gt 2020-01-01T00:00:00.000Z`, `expirationDate isnull`, `lastUsed pr`, `managed eq false`,
	} {
		lists = append(lists, listed{Name: text, Query: filter(text)})
	}
	return append(lists, listed{Name: "two of each", Query: filter(`name co "12" and status eq "Active"`) + "&sorters=owner.name,-expirationDate"})
}

// listCells measures every size on a store.
func (b *bench) listCells(ctx context.Context, store store) ([]listCell, error) {
	var cells []listCell
	for _, n := range b.lists {
		cell, err := b.listCell(ctx, store, n)
		if errors.Is(err, errTooLong) {
			b.say("lists of %d on %s: %v: left out", n, store, err)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("lists of %d on %s: %w", n, store, err)
		}
		cells = append(cells, cell)
	}
	return cells, nil
}

func (b *bench) listCell(ctx context.Context, store store, n int) (result listCell, err error) {
	b.say("lists of %d on %s: filling", n, store)
	w, filling, err := b.openFilled(ctx, store, n, nil)
	if err != nil {
		return listCell{}, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	result = listCell{Store: store, Tokens: n, Fill: filling.took.Seconds()}
	lister := w.lister()
	created, err := lister.create(ctx)
	if err != nil {
		return listCell{}, w.cambio.failure(err)
	}
	for _, list := range asked() {
		if err := lister.measure(ctx, &list, b.rounds); err != nil {
			return listCell{}, w.cambio.failure(err)
		}
		b.say("lists of %d on %s: %s: %.1f ms (%.1f–%.1f), %d of %d", n, store, list.Name, list.Took.Median, list.Took.Min, list.Took.Max, list.Shown, list.Total)
		result.Lists = append(result.Lists, list)
	}
	result.Lists = append(result.Lists, created)
	pages, err := b.pages(ctx, w, store, n)
	if err != nil {
		return listCell{}, w.cambio.failure(err)
	}
	result.Lists = append(result.Lists, pages...)
	result.Alone, result.Between, err = b.exchangesBeside(ctx, w, lister)
	return result, err
}

// exchangesBeside measures the p99 of exchanges, alone and while the whole list is
// sorted again and again, in turns.
func (b *bench) exchangesBeside(ctx context.Context, w *world, lister *lister) (alone, between spread, err error) {
	load, err := connect(ctx, w.cambio, w.redis, barConns)
	if err != nil {
		return alone, between, err
	}
	defer func() { err = errors.Join(err, load.close()) }()
	sorting := &contender{load: load, beside: func(ctx context.Context) error { return lister.keepAsking(ctx, "sorters=name") }}
	var quiet, busy []float64
	for range b.rounds {
		without, err := load.turn(ctx, b.length)
		if err != nil {
			return alone, between, err
		}
		with, err := sorting.turnBeside(ctx, b.length)
		if err != nil {
			return alone, between, err
		}
		quiet, busy = append(quiet, without.P99), append(busy, with.P99)
	}
	return spreadOf(quiet), spreadOf(busy), nil
}

// lister asks for lists with the token of somebody who may see the organization's,
// but those that are managed.
type lister struct {
	http   *http.Client
	base   string
	tokens []string // in turns
	sent   int
}

func (w *world) lister() *lister {
	return &lister{http: &http.Client{Timeout: time.Minute}, base: "http://" + w.cambio.addr + tokensPath, tokens: []string{w.admin}}
}

func (l *lister) measure(ctx context.Context, list *listed, rounds int) error {
	began, times := time.Now(), []float64(nil)
	for list.Rounds = 0; list.Rounds < rounds && (list.Rounds == 0 || time.Since(began) < askedFor); list.Rounds++ {
		sent := time.Now()
		shown, total, err := l.ask(ctx, list.Query)
		if err != nil {
			return fmt.Errorf("list %s: %w", list.Name, err)
		}
		times = append(times, millis(time.Since(sent)))
		if list.Rounds > 0 && total != list.Total {
			return fmt.Errorf("list %s: %d tokens and then %d", list.Name, list.Total, total)
		}
		list.Shown, list.Total = shown, total
	}
	list.Took = spreadOf(times)
	return nil
}

// ask returns how many tokens a page shows, and how many there are.
func (l *lister) ask(ctx context.Context, query string) (shown, total int, err error) {
	answer, err := l.do(ctx, http.MethodGet, "?limit=250&count=true&"+query, nil)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	var page []json.RawMessage
	if err := json.NewDecoder(answer.Body).Decode(&page); err != nil {
		return 0, 0, err
	}
	total, err = strconv.Atoi(answer.Header.Get("X-Total-Count"))
	return len(page), total, err
}

// keepAsking asks for a list until the context ends.
func (l *lister) keepAsking(ctx context.Context, query string) error {
	for {
		_, _, err := l.ask(ctx, query)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		if err != nil && !errors.Is(err, errUnavailable) {
			return err
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// create makes tokens by means of the one it has and deletes them, but for some, with
// which the lists are asked for: a token may send so many requests in ten seconds.
func (l *lister) create(ctx context.Context) (listed, error) {
	var times []float64
	var tokens []string
	for i := range creates {
		sent := time.Now()
		answer, err := l.do(ctx, http.MethodPost, "", []byte(`{"name": "bench `+strconv.Itoa(i)+`", "scope": ["`+pat.ScopeAll+`"]}`))
		if err != nil {
			return listed{}, err
		}
		var made struct{ ID, Token string }
		err = json.NewDecoder(answer.Body).Decode(&made)
		_ = answer.Body.Close()
		times = append(times, millis(time.Since(sent)))
		if err != nil {
			return listed{}, fmt.Errorf("create token: %w", err)
		}
		if i < kept {
			if tokens = append(tokens, made.Token); i == kept-1 {
				l.tokens = tokens
			}
			continue
		}
		if answer, err = l.do(ctx, http.MethodDelete, "/"+made.ID, nil); err != nil {
			return listed{}, err
		}
		_ = answer.Body.Close()
	}
	return listed{Name: "create", Took: spreadOf(times), Rounds: len(times)}, nil
}

func (l *lister) do(ctx context.Context, method, rest string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, l.base+rest, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+l.tokens[l.sent%len(l.tokens)])
	l.sent++
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := l.http.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode < http.StatusMultipleChoices {
		return answer, nil
	}
	text, _ := io.ReadAll(answer.Body) // as far as it goes
	_ = answer.Body.Close()
	if answer.StatusCode == http.StatusServiceUnavailable || answer.StatusCode == http.StatusTooManyRequests {
		return nil, fmt.Errorf("%w: %s", errUnavailable, text)
	}
	return nil, fmt.Errorf("%s %s: answer %d: %s", method, rest, answer.StatusCode, text)
}

func millis(d time.Duration) float64 { return micros(d) / 1000 }
