package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// askedPages are pages of the console: the first of the list of all tokens, by each
// sorter, filtered, and the counts above it.
func askedPages() []listed {
	const all = "/console/tokens?of=all"
	pages := []listed{{Name: "page: newest", Query: all}}
	for _, sorter := range []string{
		"name", "owner.name", "ownerUsername", "ownerStatus", "status", "scope", "expirationDate", "created", "-lastUsed", "description",
	} {
		pages = append(pages, listed{Name: "page: by " + sorter, Query: all + "&sort=" + sorter})
	}
	return append(pages, listed{Name: "page: name contains 12", Query: all + "&q=12"}, listed{Name: "page: counts", Query: "/console/tokens/summary?of=all"})
}

// pager opens pages of the console, as a browser in which admin is signed in.
type pager struct {
	http *http.Client
	base string
}

// openConsole signs in by the link that dev prints.
func openConsole(ctx context.Context, link string) (*pager, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	address, err := url.Parse(link)
	if err != nil || address.Host == "" {
		return nil, errors.New("cambio dev tells no link to its console")
	}
	p := &pager{base: address.Scheme + "://" + address.Host, http: &http.Client{
		Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	form := strings.NewReader(url.Values{"token": {address.Query().Get("token")}}.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+address.Path, form)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := p.http.Do(request)
	if err != nil {
		return nil, err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		return nil, fmt.Errorf("sign in to the console: answer %d", answer.StatusCode)
	}
	return p, nil
}

// measure opens a page again and again. Shown is its weight, in KiB.
func (p *pager) measure(ctx context.Context, page *listed, rounds int) error {
	began, times := time.Now(), []float64(nil)
	for page.Rounds = 0; page.Rounds < rounds && (page.Rounds == 0 || time.Since(began) < askedFor); page.Rounds++ {
		sent := time.Now()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+page.Query, http.NoBody)
		if err != nil {
			return err
		}
		answer, err := p.http.Do(request)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: answer %d: %w", page.Name, answer.StatusCode, err)
		}
		times = append(times, millis(time.Since(sent)))
		page.Shown = len(body) >> 10
	}
	page.Took = spreadOf(times)
	return nil
}

// pages measures the console's list of the same tokens.
func (b *bench) pages(ctx context.Context, w *world, store store, n int) ([]listed, error) {
	console, err := openConsole(ctx, w.cambio.console)
	if err != nil {
		return nil, err
	}
	var measured []listed
	for _, page := range askedPages() {
		if err := console.measure(ctx, &page, b.rounds); err != nil {
			return nil, err
		}
		b.say("lists of %d on %s: %s: %.1f ms (%.1f–%.1f), %d KiB", n, store, page.Name, page.Took.Median, page.Took.Min, page.Took.Max, page.Shown)
		measured = append(measured, page)
	}
	return measured, nil
}
