package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
)

// passLife is how old a pass may be, either way.
const passLife = time.Minute

// What passes are for.
const (
	passBackup = "cambio/v1/backup-pass" //nolint:gosec // names a purpose
	passLink   = "cambio/v1/link-pass?"  //nolint:gosec // likewise
)

// newPass proves that its maker has the master key: a time, sealed by it, for one
// purpose. Who may read the file of the store and its master key may have what a
// command asks of the running server, and nobody else.
func newPass(ctx context.Context, master *keys.Master, purpose string, now time.Time) (string, error) {
	sealed, err := master.Seal(ctx, strconv.AppendInt(nil, now.Unix(), 10), []byte(purpose))
	if err != nil {
		return "", fmt.Errorf("make a pass: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

func admitted(ctx context.Context, master *keys.Master, purpose, pass string, now time.Time) bool {
	sealed, err := base64.RawURLEncoding.DecodeString(pass)
	if err != nil {
		return false
	}
	text, err := master.Open(ctx, sealed, []byte(purpose))
	if err != nil {
		return false
	}
	made, err := strconv.ParseInt(string(text), 10, 64)
	return err == nil && now.Sub(time.Unix(made, 0)).Abs() <= passLife
}

// admit answers 401 unless the request has a pass for the purpose.
func admit(w http.ResponseWriter, r *http.Request, master *keys.Master, purpose string) bool {
	pass, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if admitted(r.Context(), master, purpose, pass, time.Now()) {
		return true
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	http.Error(w, "this needs a pass made with the master key: use the command of cambio", http.StatusUnauthorized)
	return false
}

// notServed says why the server that has the store's file could not be asked.
func notServed(settings *config.Config, err error) error {
	return &cli.Error{
		Code: "store_in_use", Cause: fmt.Sprintf("%s is served by a cambio that gives no copy of it: %v", settings.Store.URL, err),
		Fix: "set listen.adminAddr as the running server has it, or stop that server first", Exit: cli.ExitRefused,
	}
}

// askServer asks the server that has the store's file, on its admin listener. The
// caller closes the body of what it answers with 200.
func askServer(ctx context.Context, settings *config.Config, method, path, purpose string) (*http.Response, error) {
	if settings.Listen.AdminAddr == "" {
		return nil, notServed(settings, errors.New("listen.adminAddr is empty"))
	}
	master, err := readMaster(settings.MasterKey.File)
	if err != nil {
		return nil, err
	}
	pass, err := newPass(ctx, master, purpose, time.Now())
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+dialable(settings.Listen.AdminAddr)+path, http.NoBody)
	if err != nil {
		return nil, notServed(settings, err)
	}
	request.Header.Set("Authorization", "Bearer "+pass)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ResponseHeaderTimeout: passLife, DisableKeepAlives: true,
	}}
	response, err := client.Do(request)
	if err != nil {
		return nil, notServed(settings, err)
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, errors.Join(notServed(settings, errors.New("it answers "+response.Status)), &refusedError{response.StatusCode})
	}
	return response, nil
}

// refusedError is the status by which a running server refused.
type refusedError struct{ status int }

// Error names the status.
func (e *refusedError) Error() string { return http.StatusText(e.status) }

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
