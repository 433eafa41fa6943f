package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// connection sends one request again and again over one kept-alive HTTP/1.1
// connection. It does no more than that needs, to leave the processor to the
// servers, and is not safe to share.
type connection struct {
	net.Conn

	in      *bufio.Reader
	request []byte
	body    []byte // of the latest answer

	latencies   []time.Duration // of the latest turn
	refused     int             // answers of it that were 503
	first, last []byte          // bodies of its first and its latest token
}

// errUnavailable is an answer of a server that cannot at the moment. It is
// counted: on a machine that others use too, a store may be late.
var errUnavailable = errors.New("answer 503")

// maxRefused is how many of them one connection has in one turn.
const maxRefused = 100

func dial(ctx context.Context, address string, request []byte) (*connection, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: conn, in: bufio.NewReaderSize(conn, 8<<10), request: request}, nil
}

var marker = []byte(`"access_token":"eyJ`)

// exchange sends the request and reads the answer, which must be 200 and hold
// a JWT.
func (c *connection) exchange() error {
	if _, err := c.Write(c.request); err != nil {
		return err
	}
	status, length, err := c.readHeader()
	if err != nil {
		return err
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	if _, err := io.ReadFull(c.in, c.body); err != nil {
		return err
	}
	if status == "503" {
		return fmt.Errorf("%w: %s", errUnavailable, c.body)
	}
	if status != "200" || !bytes.Contains(c.body, marker) {
		return fmt.Errorf("answer %s: %s", status, c.body)
	}
	return nil
}

func (c *connection) readHeader() (status string, length int, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return "", 0, err
	}
	code, ok := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	if !ok || len(code) < 3 {
		return "", 0, fmt.Errorf("no answer of HTTP/1.1: %q", line)
	}
	status = "200"
	if !bytes.HasPrefix(code, []byte(status)) {
		status = string(code[:3])
	}
	length = -1
	for {
		line, err = c.in.ReadSlice('\n')
		if err != nil {
			return "", 0, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return "", 0, err
			}
		}
	}
	if length < 0 {
		return "", 0, errors.New("an answer without Content-Length")
	}
	return status, length, nil
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
