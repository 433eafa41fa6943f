package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// certificateFiles reads a certificate anew when one of its files changes, so that a
// renewal needs no restart and ends no connection. While the new one is of no use the
// last good one serves, and the log says so once.
type certificateFiles struct {
	cert, key string
	log       *zap.Logger

	mu     sync.Mutex
	tried  [2]fileStamp // of the files as they were read last, whatever came of it
	loaded *tls.Certificate
	// trouble is what was said last.
	trouble string
}

// fileStamp changes with a file.
type fileStamp struct{ modified, size int64 }

func stampOf(path string) (fileStamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}, err
	}
	return fileStamp{info.ModTime().UnixNano(), info.Size()}, nil
}

// look reads what has changed, for the log's sake: a handshake may be long in coming.
func (c *certificateFiles) look() {
	if c != nil {
		_, _ = c.get(nil) // it has told
	}
}

// forget has the files read again, whether they changed or not.
func (c *certificateFiles) forget() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried = [2]fileStamp{}
}

// expiry is when the certificate expires that serves; zero before the first.
func (c *certificateFiles) expiry() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded == nil {
		return time.Time{}
	}
	return c.loaded.Leaf.NotAfter
}

// get is for tls.Config.GetCertificate. It fails only before a first good certificate.
func (c *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.stamps()
	if err == nil && c.loaded != nil && now == c.tried {
		return c.loaded, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(c.cert, c.key)
	}
	c.tried = now
	switch {
	case err == nil:
		if c.loaded != nil {
			c.log.Info("certificate read again", zap.String("path", c.cert), zap.Time("not_after", pair.Leaf.NotAfter))
		}
		c.loaded, c.trouble = &pair, ""
	case c.loaded == nil:
		return nil, fmt.Errorf("load the certificate: %w", err)
	case err.Error() != c.trouble:
		c.trouble = err.Error()
		c.log.Warn("the new certificate is not taken: the one before holds on", zap.String("path", c.cert), zap.Error(err))
	}
	return c.loaded, nil
}

// stamps are of certificate and key. What cannot be looked at has none.
func (c *certificateFiles) stamps() (now [2]fileStamp, err error) {
	for i, path := range []string{c.cert, c.key} {
		if now[i], err = stampOf(path); err != nil {
			return now, err
		}
	}
	return now, nil
}
