package main

import (
	"errors"
	"strings"

	"github.com/cambio-sts/cambio/internal/cli"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/httpx"
)

// devOptions are the flags of dev.
type devOptions struct {
	addr, tlsAddr, adminAddr string
	dataDir, redis           string
	https, json              bool
}

// check refuses what dev cannot be run with, by the names of its flags: of the
// configuration that is made of them nobody knows.
func (o *devOptions) check() error {
	for _, flag := range [][2]string{{"--addr", o.addr}, {"--tls-addr", o.tlsAddr}, {"--admin-addr", o.adminAddr}} {
		name, addr := flag[0], flag[1]
		if wrong := config.Check("listen.addr", addr); wrong != nil {
			return devUsage(name+" "+wrong.Cause, "write such as "+name+" 127.0.0.1:8080, or port 0 for any that is free")
		}
		if !httpx.IsLoopback(addr) {
			return &cli.Error{
				Code: "not_loopback", Cause: "dev listens on loopback only, and " + addr + " is reached from other machines: its users and tokens are for trying",
				Fix: "use an address such as 127.0.0.1:8080, or `cambio init` and `cambio serve` for a real server", Exit: cli.ExitUsage,
			}
		}
	}
	return o.checkRedis()
}

func (o *devOptions) checkRedis() error {
	const fix = "write such as --redis redis://127.0.0.1:6379, of a server that asks for no password"
	if o.redis == "" {
		return nil
	}
	if wrong := config.Check("store.url", o.redis); wrong != nil {
		return devUsage("--redis "+wrong.Cause, fix)
	}
	switch url, err := config.ParseStoreURL(o.redis); {
	case err != nil:
		return err // Check has just passed it
	case url.Kind == config.KindBolt:
		return devUsage("--redis names no Redis server", fix)
	case url.Username != "":
		return devUsage("--redis has a user, and dev takes no password", fix)
	}
	return nil
}

func devUsage(cause, fix string) *cli.Error {
	return &cli.Error{Code: "usage", Cause: cause, Fix: fix, Exit: cli.ExitUsage}
}

// describeDev tells of the made configuration only what is wrong: its keys and
// variables are none that anybody has set. What can be is the data folder.
func describeDev(err error) error {
	wrong, ok := errors.AsType[*config.Error](err)
	if !ok {
		return err
	}
	var causes []string
	for _, problem := range wrong.Problems {
		causes = append(causes, problem.Key+" "+problem.Cause)
	}
	return &cli.Error{
		Code: "dev", Cause: strings.Join(causes, "; "), Fix: "name with --data-dir a folder that only you can use, and whose files only you can read", Exit: cli.ExitUsage,
	}
}

// describeDevStore tells of a store that did not answer by the flag that names it.
func describeDevStore(err error) error {
	if failed, ok := errors.AsType[*cli.Error](err); ok && failed.Code == codeUnreachable {
		failed.Fix = "check --redis, that a server runs there, and that it asks for no password"
	}
	return err
}
