package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// store is where the tokens are.
type store string

const (
	bolt  store = "bolt"  // the product's default; the floor has a map
	redis store = "redis" // one server for both; the floor asks it by HMGET
)

// errNoRedis says that there is no redis-server.
var errNoRedis = errors.New("redis-server is not installed")

// server is one of the two that are compared.
type server struct {
	console string // link that signs admin in; empty: it has none
	*process

	addr     string // host:port of the token endpoint
	adminURL string // of the profiles
	request  []byte // an exchange
}

// world is what one cell runs in: both servers, and Redis if they need it.
type world struct {
	dir           string
	cambio, floor *server
	redis         *process // nil without
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
	w, address, err := b.openStore(ctx, store)
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if err != nil {
		return w, err
	}
	token, err := b.serveCambio(ctx, w, address)
	if err != nil {
		return w, err
	}
	if w.floor, _, err = b.serve(ctx, w.dir, b.floor, append([]string{"--token", token}, redisArgs(address)...)); err != nil {
		return w, err
	}
	w.floor.request = exchangeRequest(w.floor.addr, token)
	return w, nil
}

// openStore makes a folder, and starts Redis if that is the store: its address is
// empty without.
func (b *bench) openStore(ctx context.Context, store store) (w *world, address string, err error) {
	w = &world{}
	if w.dir, err = os.MkdirTemp(b.dir, "cell-"); err != nil {
		return w, "", fmt.Errorf("make a folder: %w", err)
	}
	if store == redis {
		w.redis, address, err = startRedis(ctx, w.dir)
	}
	return w, address, err
}

// serveCambio starts the product and returns bob's token.
func (b *bench) serveCambio(ctx context.Context, w *world, redisAddress string) (token string, err error) {
	var users users
	w.cambio, users, err = b.serve(ctx, w.dir, b.cambio, append(devArgs(w.dir), redisArgs(redisAddress)...))
	if err != nil {
		return "", err
	}
	token, w.admin = users["bob"].PAT.Token, users["admin"].PAT.Token
	w.cambio.request = exchangeRequest(w.cambio.addr, token)
	return token, nil
}

func redisArgs(address string) []string {
	if address == "" {
		return nil
	}
	return []string{"--redis", "redis://" + address}
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
	s.addr, s.adminURL = public.Host, info.AdminAddr
	return s, info.Users, nil
}

// exchangeRequest is a token exchange (RFC 8693 §2.1) as it goes over the wire.
func exchangeRequest(host, token string) []byte {
	form := url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		"subject_token":      {token},
	}.Encode()
	return []byte("POST /oauth2/token HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: cambio-bench\r\nAccept: application/json\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(len(form)) + "\r\n\r\n" + form)
}

// startRedis starts a redis-server with an append-only file, flushed every
// second, and returns its address.
func startRedis(ctx context.Context, dir string) (*process, string, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, "", errNoRedis
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("find a free port: %w", err)
	}
	address := listener.Addr().String()
	_ = listener.Close() // for redis-server to take
	process, err := start(ctx, dir, 1, path, "--port", address[strings.LastIndexByte(address, ':')+1:], "--bind", "127.0.0.1",
		"--logfile", "redis-server.log", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction")
	if err != nil {
		return nil, "", err
	}
	deadline := time.Now().Add(readyTimeout)
	for !answersPing(ctx, address) {
		if ctx.Err() != nil || time.Now().After(deadline) {
			return process, "", process.failure(errors.New("it does not answer"))
		}
		time.Sleep(10 * time.Millisecond)
	}
	return process, address, nil
}

func answersPing(ctx context.Context, address string) bool {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second)) // or Read fails
	_, _ = conn.Write([]byte("*1\r\n$4\r\nPING\r\n")) // or Read fails
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.HasPrefix(line, "+PONG")
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
