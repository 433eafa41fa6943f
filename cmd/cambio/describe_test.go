package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/storage/redis"
)

func TestDescribe(t *testing.T) {
	dir := t.TempDir()
	_, missing := os.Open(filepath.Join(dir, "no", "file"))
	own := &cli.Error{Code: "own"}
	policy := &redis.PolicyError{Setting: "appendonly", Value: "no", Fix: "set it"}
	for name, tc := range map[string]struct {
		err  error
		want cli.Error
	}{
		"described":      {fmt.Errorf("x: %w", errors.Join(own, fs.ErrExist)), *own},
		"policy":         {fmt.Errorf("ping: %w", policy), cli.Error{Code: "store_policy", Cause: `redis: appendonly is "no"`, Fix: "set it", Exit: 1}},
		"store":          {fmt.Errorf("create token: %w", fmt.Errorf("create token: %w: full", fault.ErrUnavailable)), cli.Error{Code: "store_unavailable", Cause: "create token: temporarily unavailable: full", Fix: "check that the store runs and has room, then repeat", Exit: 1}},
		"missing folder": {missing, cli.Error{Code: "file", Cause: "there is no folder " + filepath.Join(dir, "no"), Fix: "make it: mkdir -p " + filepath.Join(dir, "no"), Exit: 1}},
		"forbidden":      {&fs.PathError{Op: "open", Path: dir, Err: fs.ErrPermission}, cli.Error{Code: "file", Cause: "open " + dir + ": permission denied", Fix: "check the path, and that this user may use it", Exit: 1}},
		"forbidden link": {&os.LinkError{Op: "link", Old: "a", New: dir, Err: fs.ErrPermission}, cli.Error{Code: "file", Cause: "link a " + dir + ": permission denied", Fix: "check the path, and that this user may use it", Exit: 1}},
	} {
		described, ok := errors.AsType[*cli.Error](describe(tc.err))
		require.True(t, ok, name)
		require.Equal(t, tc.want, *described, name)
	}
	unknown := errors.New("x")
	require.Equal(t, unknown, describe(unknown))
}

func TestDescribeRedis(t *testing.T) {
	url := &config.StoreURL{Addrs: []string{"h:1"}}
	require.Equal(t, &cli.Error{
		Code: "store_unreachable", Cause: "redis at h:1: reach redis: temporarily unavailable", Fix: "check that it runs there, store.url and store.passwordFile", Exit: 1,
	}, describeRedis(fmt.Errorf("reach redis: %w", fault.ErrUnavailable), url))
	unknown := errors.New("x")
	require.Equal(t, unknown, describeRedis(unknown, url))
}
