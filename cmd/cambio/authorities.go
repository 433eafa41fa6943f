package main

import (
	"crypto/x509"
	"sync"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
)

// authorityFile is the authorities of store.caFile, read anew when the file changes: who
// connects to Redis from then on trusts them, and connections that are open stay. While
// the file is of no use those before hold on, and the log says so once.
type authorityFile struct {
	path string
	log  *zap.Logger

	mu      sync.Mutex
	tried   fileStamp // of the file as it was read last, whatever came of it
	pool    *x509.CertPool
	trouble string // what was said last
}

// openAuthorities reads the file for the first time; nil if there is none to read.
func openAuthorities(settings *config.Store, log *zap.Logger) (*authorityFile, error) {
	if !settings.URL.TLS || settings.CAFile == "" {
		return nil, nil
	}
	a := &authorityFile{path: settings.CAFile, log: log}
	var err error
	if a.tried, err = stampOf(a.path); err != nil {
		return nil, describeTrust(err)
	}
	trust, err := storeTLS(a.path)
	if err != nil {
		return nil, describeTrust(err)
	}
	a.pool = trust.RootCAs
	return a, nil
}

func describeTrust(err error) error {
	return &cli.Error{Code: "store_tls", Cause: err.Error(), Fix: "point store.caFile at a PEM file with the certificate authority of the Redis servers", Exit: cli.ExitRefused}
}

// look reads what has changed, for the log's sake: a connection may be long in coming.
func (a *authorityFile) look() {
	if a != nil {
		_ = a.get()
	}
}

// forget has the file read again, whether it changed or not.
func (a *authorityFile) forget() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tried = fileStamp{}
}

// get returns the authorities as of now.
func (a *authorityFile) get() *x509.CertPool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, err := stampOf(a.path)
	if err == nil && now == a.tried {
		return a.pool
	}
	a.tried = now
	if err == nil {
		trust, readErr := storeTLS(a.path)
		if err = readErr; err == nil {
			a.pool, a.trouble = trust.RootCAs, ""
			a.log.Info("authorities of the store read again", zap.String("path", a.path))
			return a.pool
		}
	}
	if err.Error() != a.trouble {
		a.trouble = err.Error()
		a.log.Warn("the new authorities of the store are not taken: those before hold on", zap.String("path", a.path), zap.Error(err))
	}
	return a.pool
}
