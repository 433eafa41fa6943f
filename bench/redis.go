package main

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os/exec"
	"strings"
	"time"
)

// startRedis starts a redis-server with an append-only file, flushed every
// second, and returns its address. The file is never rewritten: that would fall on
// some turns only.
func startRedis(ctx context.Context, dir string) (*process, string, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, "", errNoRedis
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, "", err
	}
	process, err := start(ctx, dir, 1, path, "--port", address[strings.LastIndexByte(address, ':')+1:], "--bind", "127.0.0.1",
		"--logfile", "redis-server.log", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0", "--maxmemory-policy", "noeviction")
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
