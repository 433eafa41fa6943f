package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// collector takes traces and forgets them.
type collector struct {
	url    string
	server *http.Server
	taken  atomic.Int64 // bytes
}

func startCollector(ctx context.Context) (*collector, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &collector{url: "http://" + listener.Addr().String() + "/v1/traces"}
	c.server = &http.Server{ReadHeaderTimeout: readyTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, "unread", http.StatusBadRequest)
			return
		}
		c.taken.Add(n)
		w.Header().Set("Content-Type", "application/x-protobuf") // an empty message is that all was taken
	})}
	go func() { _ = c.server.Serve(listener) }() // until it is closed
	return c, nil
}

// close fails if there was no trace: then something else was measured than it says.
func (c *collector) close() error {
	err := c.server.Close()
	if c.taken.Load() == 0 {
		err = errors.Join(err, errors.New("the collector was sent no trace"))
	}
	return err
}

// scraper asks for a page each second until its context ends.
func scraper(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		each := time.NewTicker(time.Second)
		defer each.Stop()
		for {
			if err := scrape(ctx, url); err != nil && ctx.Err() == nil {
				return err
			}
			select {
			case <-each.C:
			case <-ctx.Done():
				return nil
			}
		}
	}
}

func scrape(ctx context.Context, url string) error {
	answer, err := get(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}
