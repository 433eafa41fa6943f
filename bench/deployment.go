package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// deployment is a folder with a configuration, a master key and a prepared store, for
// any number of `cambio serve`, unlike `cambio dev`, which takes no settings.
type deployment struct {
	dir    string
	redis  *process // nil without
	token  string   // of the first administrator
	issuer string
}

// deployed is what both variants of a comparison have.
const deployed = `issuer: %s
store: {url: "%s", durability: best-effort}
masterKey: {file: master.key}
token: {defaultAudience: "https://demo.example.com"}
services: [{audience: "https://demo.example.com", name: Demo, scopes: "*"}]
`

// deploy prepares one, as an administrator does. It may be closed whatever err is.
func (b *bench) deploy(ctx context.Context, store store) (d *deployment, err error) {
	w, err := b.openStore(ctx, store)
	d = &deployment{dir: w.dir, redis: w.redis, issuer: "http://127.0.0.1"}
	if err != nil {
		return d, err
	}
	url := "bolt:cambio.db"
	if w.address != "" {
		url = "redis://" + w.address
	}
	if err := os.WriteFile(filepath.Join(d.dir, "cambio.yaml"), fmt.Appendf(nil, deployed, d.issuer, url), 0o600); err != nil {
		return d, err
	}
	if _, err := b.command(ctx, d.dir, "init", "--config", "cambio.yaml"); err != nil {
		return d, err
	}
	d.token, err = b.command(ctx, d.dir, "bootstrap", "--config", "cambio.yaml", "--who", "everyone")
	return d, err
}

// command runs one of the product's and returns its answer.
func (b *bench) command(ctx context.Context, dir string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, b.cambio, args...)
	command.Dir, command.Env = dir, slices.DeleteFunc(os.Environ(), configures)
	var problems strings.Builder
	command.Stderr = &problems
	answer, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("cambio %s: %w\n%s", args[0], err, &problems)
	}
	return strings.TrimSpace(string(answer)), nil
}

// serve starts one server and waits until it is ready. The name tells it from the
// others of the deployment.
func (d *deployment) serve(ctx context.Context, b *bench, name string, secured *tls.Config, settings ...string) (*server, error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	admin, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	args := append([]string{"serve", "--config", "cambio.yaml", "--listen-addr", addr, "--listen-admin-addr", admin, "--audit-dir", "audit-" + name}, settings...)
	process, err := startAs(ctx, name, d.dir, b.procs, b.cambio, args...)
	if err != nil {
		return nil, err
	}
	s := &server{process: process, addr: addr, issuer: d.issuer, tls: secured, adminURL: "http://" + admin}
	s.exchangeOf(d.token)
	return s, s.await(ctx)
}

// await waits until the server says that it is ready.
func (s *server) await(ctx context.Context) error {
	deadline := time.Now().Add(readyTimeout)
	for {
		answer, err := get(ctx, s.adminURL+"/readyz")
		if err == nil {
			return answer.Body.Close()
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return s.failure(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// close ends Redis and removes the folder. Servers are ended by who started them.
func (d *deployment) close() error {
	if d.redis != nil {
		d.redis.stop()
	}
	if d.dir == "" {
		return nil
	}
	return os.RemoveAll(d.dir)
}

// freeAddress is one of loopback that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}
