package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// connection sends requests in turns, again and again, over one kept-alive
// connection. It does no more than that needs, to leave the processor to the
// servers, and is not safe to share.
type connection struct {
	net.Conn
	wire

	requests [][]byte
	next     int    // of the requests
	body     []byte // of the latest answer

	latencies   []time.Duration // of the latest turn
	refused     int             // answers of it that were 503
	first, last []byte          // bodies of its first and its latest token
}

// errUnavailable is an answer of a server that cannot at the moment. It is
// counted: on a machine that others use too, a store may be late.
var errUnavailable = errors.New("answer 503")

// maxRefused is how many of them one connection has in one turn.
const maxRefused = 100

// dial connects for the i-th of all connections: each begins with another request.
func dial(ctx context.Context, s *server, i int) (*connection, error) {
	conn, wire, err := open(ctx, s)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: conn, wire: wire, requests: s.requests, next: i * apart % len(s.requests)}, nil
}

// apart is how many requests lie between the first of two connections.
const apart = 7919

var marker = []byte(`"access_token":"eyJ`)

// exchange sends a request and reads the answer, which must be 200 and hold
// a JWT.
func (c *connection) exchange() error {
	status, body, err := c.ask(c.requests[c.next], c.body)
	if err != nil {
		return err
	}
	if c.body, c.next = body, c.next+1; c.next == len(c.requests) {
		c.next = 0
	}
	if status == "503" {
		return fmt.Errorf("%w: %s", errUnavailable, c.body)
	}
	if status != "200" || !bytes.Contains(c.body, marker) {
		return fmt.Errorf("answer %s: %s", status, c.body)
	}
	return nil
}

// turn exchanges until the deadline, and at least once with success, and keeps
// the latencies, and the first and the latest token.
func (c *connection) turn(deadline time.Time) error {
	c.latencies, c.refused = c.latencies[:0], 0
	if err := c.SetDeadline(deadline.Add(readyTimeout)); err != nil {
		return err
	}
	for sent := time.Now(); len(c.latencies) == 0 || sent.Before(deadline); {
		err := c.exchange()
		if errors.Is(err, errUnavailable) && c.refused < maxRefused {
			c.refused++
			sent = time.Now()
			continue
		}
		if err != nil {
			return err
		}
		if len(c.latencies) == 0 {
			c.first = append(c.first[:0], c.body...)
		}
		answered := time.Now()
		c.latencies = append(c.latencies, answered.Sub(sent))
		c.body, c.last = c.last, c.body
		sent = answered
	}
	return nil
}
