package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// store is where the tokens are.
type store string

const (
	bolt  store = "bolt"  // the product's default; the floor has a map
	redis store = "redis" // one server for both; the floor asks it by HMGET
)

// errNoRedis says that there is no redis-server.
var errNoRedis = errors.New("redis-server is not installed")

// world is what one cell runs in: both servers, and Redis if they need it.
type world struct {
	dir           string
	cambio, floor *server
	redis         *process // nil without
	address       string   // of Redis; empty without
	admin         string   // token of somebody who may read and make tokens
}

// ready is what both servers print when they are ready, as far as it is used.
type ready struct {
	Addr      string `json:"addr"`
	AdminAddr string `json:"adminAddr"`
	Console   string `json:"consoleUrl"`
	Users     users  `json:"users"`
}

// users are those of dev, by name.
type users map[string]struct {
	PAT struct {
		Token string `json:"token"`
	} `json:"pat"`
}

// open starts everything in a folder of its own. The token is bob's: unlike
// alice's, it has no scope but one.
func (b *bench) open(ctx context.Context, store store) (w *world, err error) {
	w, err = b.openStore(ctx, store)
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if err != nil {
		return w, err
	}
	token, err := b.serveCambio(ctx, w)
	if err != nil {
		return w, err
	}
	if w.floor, _, err = b.serve(ctx, w.dir, b.floor, append([]string{"--token", token}, w.redisArgs()...)); err != nil {
		return w, err
	}
	w.floor.exchangeOf(token)
	return w, nil
}

// openStore makes a folder, and starts Redis if that is the store. The world may be
// closed whatever err is.
func (b *bench) openStore(ctx context.Context, store store) (w *world, err error) {
	w = &world{}
	if w.dir, err = os.MkdirTemp(b.dir, "cell-"); err != nil {
		return w, fmt.Errorf("make a folder: %w", err)
	}
	if store == redis {
		w.redis, w.address, err = startRedis(ctx, w.dir)
	}
	return w, err
}

// serveCambio starts the product and returns bob's token.
func (b *bench) serveCambio(ctx context.Context, w *world) (token string, err error) {
	var users users
	w.cambio, users, err = b.serve(ctx, w.dir, b.cambio, append(devArgs(w.dir), w.redisArgs()...))
	if err != nil {
		return "", err
	}
	token, w.admin = users["bob"].PAT.Token, users["admin"].PAT.Token
	w.cambio.exchangeOf(token)
	return token, nil
}

func (w *world) redisArgs() []string {
	if w.address == "" {
		return nil
	}
	return []string{"--redis", "redis://" + w.address}
}

func devArgs(dir string) []string {
	free := "127.0.0.1:0"
	return []string{"dev", "--json", "--addr", free, "--tls-addr", free, "--admin-addr", free, "--data-dir", filepath.Join(dir, "data")}
}

// serve starts a server, waits until it is ready and returns its users, if it has any.
func (b *bench) serve(ctx context.Context, dir, path string, args []string) (*server, users, error) {
	process, err := start(ctx, dir, b.procs, path, args...)
	if err != nil {
		return nil, nil, err
	}
	s := &server{process: process}
	line, err := process.line(ctx)
	if err != nil {
		return s, nil, err
	}
	var info ready
	if err := json.Unmarshal([]byte(line), &info); err != nil {
		return s, nil, fmt.Errorf("the line of %s: %w", process.name, err)
	}
	s.console = info.Console
	public, err := url.Parse(info.Addr)
	if err != nil {
		return s, nil, fmt.Errorf("the address of %s: %w", process.name, err)
	}
	s.addr, s.issuer, s.adminURL = public.Host, info.Addr, info.AdminAddr
	return s, info.Users, nil
}

// close ends what runs and removes the folder.
func (w *world) close() error {
	for _, s := range []*server{w.floor, w.cambio} {
		if s != nil {
			s.stop()
		}
	}
	if w.redis != nil {
		w.redis.stop()
	}
	if w.dir == "" {
		return nil
	}
	return os.RemoveAll(w.dir)
}
