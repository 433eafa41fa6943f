package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cambio-sts/cambio/storage/bolt"
)

func checkReachable(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	looked := p.settings.Store.URL.String()
	if p.embedded() {
		return p.readable(looked)
	}
	found, err := p.redis()
	if err != nil {
		return seen(looked, fail(err.Error(), say("mend store.passwordFile, store.sentinelPasswordFile or store.caFile")))
	}
	var findings []Finding
	for i := range found.Servers {
		server := &found.Servers[i]
		cause := fmt.Sprintf("%s: %v", server.Addr, server.Fault)
		switch file := p.settings.Store.PasswordFile; {
		case server.Fault == nil:
		case server.Refused && file != "":
			findings = append(findings, fail(cause, Fix{
				Text: "let the file hold the password of the user", Place: &Place{File: file, What: "the password of the Redis user " + p.user()},
			}))
		case server.Refused:
			findings = append(findings, fail(cause, say("name the file with its password in store.passwordFile, and the user in store.url")))
		default:
			findings = append(findings, fail(cause, say("start the server, or mend store.url; check the network between, and TLS: rediss:// and store.caFile")))
		}
	}
	return seen(looked, findings...)
}

// user is the user of the servers.
func (p *patient) user() string {
	if user := p.settings.Store.URL.Username; user != "" {
		return user
	}
	return "default"
}

// readable tells of an embedded store.
func (p *patient) readable(looked string) outcome {
	state, path := p.bolt(), p.settings.Store.URL.Path
	wrong, isFile := errors.AsType[*bolt.FileError](state.err)
	switch {
	case state.served:
		return seen(looked + ", served by a running server, which answers for it")
	case state.err == nil && state.Earlier:
		return seen(looked + ", of an earlier layout, which the next server changes")
	case state.err == nil:
		return seen(looked)
	case errors.Is(state.err, os.ErrNotExist):
		return seen(looked, fail("there is no such file", Fix{Text: "make a new one; if it held tokens before, restore its backup instead", Command: p.cambio("init")}))
	case errors.Is(state.err, ErrStranger):
		return skip("a running server has it, see key-ring")
	case errors.Is(state.err, bolt.ErrLocked):
		return skip("a process has it that tells nothing, see store-file and master-key")
	case isFile && strings.Contains(wrong.Cause, "is a backup"):
		aside := path + ".backup"
		return seen(looked, fail(wrong.Cause, Fix{Text: wrong.Fix, Command: shell("mv", path, aside) + " && " + p.cambio("restore", aside)}))
	case isFile:
		return seen(looked, fail(wrong.Cause, say(wrong.Fix)))
	}
	return seen(looked, fail(state.err.Error(), say("let the user that runs cambio read and write the file")))
}

func checkStoreFile(_ context.Context, p *patient) outcome {
	switch {
	case p.settings == nil:
		return skip(noConfig)
	case !p.embedded():
		return skip("the store is not embedded")
	}
	path := p.settings.Store.URL.Path
	info, err := os.Stat(path)
	if err != nil {
		return skip("needs the file, see store-reachable")
	}
	looked := fmt.Sprintf("%s, mode %04o", path, info.Mode().Perm())
	var findings []Finding
	if mode := info.Mode().Perm(); hasModes() && mode&0o077 != 0 {
		findings = append(findings, warn("others than its owner may use the file; it holds digests of secrets and sealed keys", run("take that from them", "chmod", "0600", path)))
	}
	state := p.bolt()
	_, noMaster := p.master() // without it the server is not asked
	if errors.Is(state.err, bolt.ErrLocked) && !errors.Is(state.err, ErrStranger) && noMaster == nil {
		findings = append(findings, fail("another process has the file, and no server tells of it on listen.adminAddr",
			say("end that process; or, if it is a server, set listen.adminAddr as that has it")))
	}
	if state.served {
		looked += ", locked by the running server"
	}
	return seen(looked, findings...)
}
