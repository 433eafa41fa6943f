package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/storage/bolt"
)

const (
	pathBackup = "/backup"
	// passLife is how old a pass may be, either way.
	passLife = time.Minute
	// trailerWhole tells, behind a copy, that it is all there.
	trailerWhole = "Cambio-Backup-Bytes"
)

// passPurpose binds a pass to what it is for.
var passPurpose = []byte("cambio/v1/backup-pass")

// newPass proves that its maker has the master key: a time, sealed by it. Who may
// read the file of the store and its master key may have a copy, and nobody else.
func newPass(ctx context.Context, master *keys.Master, now time.Time) (string, error) {
	sealed, err := master.Seal(ctx, strconv.AppendInt(nil, now.Unix(), 10), passPurpose)
	if err != nil {
		return "", fmt.Errorf("make a pass: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

func admitted(ctx context.Context, master *keys.Master, pass string, now time.Time) bool {
	sealed, err := base64.RawURLEncoding.DecodeString(pass)
	if err != nil {
		return false
	}
	text, err := master.Open(ctx, sealed, passPurpose)
	if err != nil {
		return false
	}
	made, err := strconv.ParseInt(string(text), 10, 64)
	return err == nil && now.Sub(time.Unix(made, 0)).Abs() <= passLife
}

// backupDoor hands out copies of an embedded store while it is served.
type backupDoor struct {
	store  *bolt.DB
	master *keys.Master
	log    *zap.Logger
}

// ServeHTTP implements http.Handler.
func (d *backupDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	pass, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !admitted(r.Context(), d.master, pass, time.Now()) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "a backup needs a pass made with the master key: use cambio backup", http.StatusUnauthorized)
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
	refused := func(err error) error {
		return &cli.Error{
			Code: "store_in_use", Cause: fmt.Sprintf("%s is served by a cambio that gives no copy of it: %v", settings.Store.URL, err),
			Fix: "set listen.adminAddr as the running server has it, or stop that server first", Exit: cli.ExitRefused,
		}
	}
	if settings.Listen.AdminAddr == "" {
		return refused(errors.New("listen.adminAddr is empty"))
	}
	master, err := readMaster(settings.MasterKey.File)
	if err != nil {
		return err
	}
	pass, err := newPass(ctx, master, time.Now())
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+dialable(settings.Listen.AdminAddr)+pathBackup, http.NoBody)
	if err != nil {
		return refused(err)
	}
	request.Header.Set("Authorization", "Bearer "+pass)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ResponseHeaderTimeout: passLife}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return refused(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return refused(errors.New("it answers " + response.Status))
	}
	n, err := io.Copy(into, response.Body)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	if whole := response.Trailer.Get(trailerWhole); whole != strconv.FormatInt(n, 10) {
		return refused(errors.New("the copy ended early; the server's log tells why"))
	}
	return nil
}

// dialable is a listen address as something to connect to.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
