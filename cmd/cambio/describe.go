package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/storage/redis"
)

// describe adds code and fix to errors that come from anywhere and mean the same
// everywhere. What is described where it arises, or unknown, stays as it is.
func describe(err error) error {
	if _, ok := errors.AsType[*cli.Error](err); ok {
		return err
	}
	if lacking, ok := errors.AsType[*redis.PolicyError](err); ok {
		return describePolicy(lacking)
	}
	if errors.Is(err, fault.ErrUnavailable) {
		return &cli.Error{
			Code: "store_unavailable", Cause: unstutter(err), Fix: "check that the store runs and has room, then repeat", Exit: cli.ExitRefused,
		}
	}
	path, isPath := errors.AsType[*fs.PathError](err)
	link, isLink := errors.AsType[*os.LinkError](err)
	switch {
	case isPath:
		return describeFile(path.Path, err)
	case isLink:
		return describeFile(link.New, err)
	}
	return err
}

func describeFile(path string, err error) *cli.Error {
	described := &cli.Error{Code: "file", Cause: unstutter(err), Fix: "check the path, and that this user may use it", Exit: cli.ExitRefused}
	if folder := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && !exists(folder) {
		described.Cause, described.Fix = "there is no folder "+folder, "make it: mkdir -p "+folder
	}
	return described
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// describeRedis adds the fix to what keeps a Redis server from being opened.
func describeRedis(err error, url *config.StoreURL) error {
	if lacking, ok := errors.AsType[*redis.PolicyError](err); ok {
		return describePolicy(lacking)
	}
	if unknown, ok := errors.AsType[*redis.FormatError](err); ok {
		return &cli.Error{
			Code: "store_format", Cause: url.String() + ": " + unknown.Error(),
			Fix: "run the version of cambio that wrote it, or a later one; or restore a backup from before the upgrade into an empty database", Exit: cli.ExitRefused,
		}
	}
	if errors.Is(err, redis.ErrHalfFilled) {
		return &cli.Error{
			Code: "store_half_filled", Cause: url.String() + ": " + err.Error(),
			Fix: "run that command again, it goes on where it was; or empty the database", Exit: cli.ExitRefused,
		}
	}
	if errors.Is(err, fault.ErrUnavailable) {
		return &cli.Error{
			Code: codeUnreachable, Cause: "redis at " + strings.Join(url.Addrs, ",") + ": " + unstutter(err),
			Fix: "check that it runs there, store.url and store.passwordFile", Exit: cli.ExitRefused,
		}
	}
	return err
}

// codeUnreachable says that a store did not answer when it was opened.
const codeUnreachable = "store_unreachable"

func describePolicy(lacking *redis.PolicyError) *cli.Error {
	return &cli.Error{
		Code: "store_policy", Cause: fmt.Sprintf("redis: %s is %q", lacking.Setting, lacking.Value), Fix: lacking.Fix, Exit: cli.ExitRefused,
	}
}

// unstutter is the text of an error without what two layers say one after the
// other: create token: create token.
func unstutter(err error) string {
	return strings.Join(slices.Compact(strings.Split(err.Error(), ": ")), ": ")
}
