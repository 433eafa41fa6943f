package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/storage/bolt"
)

const (
	pathBackup = "/backup"
	// trailerWhole tells, behind a copy, that it is all there.
	trailerWhole = "Cambio-Backup-Bytes"
)

// backupDoor hands out copies of an embedded store while it is served.
type backupDoor struct {
	store  *bolt.DB
	master *keys.Master
	log    *zap.Logger
}

// ServeHTTP implements http.Handler.
func (d *backupDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !admit(w, r, d.master, passBackup) {
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // it takes as long as it takes
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Trailer", trailerWhole)
	counted := &counter{Writer: w}
	if err := d.store.Backup(r.Context(), counted); err != nil {
		d.log.Error("backup failed", zap.Error(err))
		return // without the trailer the other side knows
	}
	w.Header().Set(trailerWhole, strconv.FormatInt(counted.n, 10))
	d.log.Info("backup taken", zap.Int64("bytes", counted.n))
}

// counter counts what is written.
type counter struct {
	io.Writer

	n int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}

// fetchBackup asks the server that has the store's file for a copy.
func fetchBackup(ctx context.Context, settings *config.Config, into *os.File) error {
	response, err := askServer(ctx, settings, http.MethodGet, pathBackup, passBackup)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	n, err := io.Copy(into, response.Body)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	if whole := response.Trailer.Get(trailerWhole); whole != strconv.FormatInt(n, 10) {
		return notServed(settings, errors.New("the copy ended early; the server's log tells why"))
	}
	return nil
}
