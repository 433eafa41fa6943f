package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cambio-sts/cambio/internal/audit"
)

func checkAuditFolder(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	dir := p.settings.Audit.Dir
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(dir)); err != nil {
			return seen(dir, fail("there is no folder that it could be made in", run("make it", "mkdir", "-p", "-m", "0700", dir)))
		}
		return seen(dir + ", which the server makes at its start")
	}
	switch {
	case err != nil:
		return seen(dir, fail(err.Error(), say("let the user that runs cambio use the folder")))
	case !info.IsDir():
		return seen(dir, fail("it is no folder", run("move away what is there; the server makes the folder", "mv", dir, dir+".other")))
	}
	looked := fmt.Sprintf("%s, mode %04o", dir, info.Mode().Perm())
	file, err := os.CreateTemp(dir, ".doctor-*")
	if err == nil {
		err = errors.Join(file.Close(), os.Remove(file.Name()))
	}
	if err != nil {
		return seen(looked, fail("it cannot be written to: "+err.Error(), say("let the user that runs cambio write there")))
	}
	if hasModes() && info.Mode().Perm()&0o077 != 0 {
		return seen(looked, warn("others than its owner may use it: who can write there can rewrite the end of a chain", run("take that from them", "chmod", "0700", dir)))
	}
	return seen(looked)
}

func checkAuditChain(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	dir := p.settings.Audit.Dir
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return skip("there is no trail yet in %s", dir)
	}
	report, err := audit.Verify(dir)
	if err != nil {
		return seen(dir, fail(err.Error(), say("let this user read the folder")))
	}
	looked := fmt.Sprintf("%s, %d lines of %d writers", dir, report.Lines, report.Writers)
	if len(report.Problems) == 0 {
		return seen(looked)
	}
	first := report.Problems[0]
	return seen(looked, fail(fmt.Sprintf("the trail was changed: %s, line %d: %s; %d writers in all", first.File, first.Line, first.Cause, len(report.Problems)),
		run("stop the server, find out who could write there, and put the trail aside as it is; a restore still takes it by --trail", "mv", dir, dir+".broken")))
}

func checkOutbox(_ context.Context, p *patient) outcome {
	const many, tooMany = 1000, 500_000 // at a million creations are refused
	if p.settings == nil {
		return skip(noConfig)
	}
	_, waiting, err := p.stored()
	if waiting < 0 {
		return skip("%v", err)
	}
	looked := fmt.Sprintf("%d events", waiting)
	if waiting < many {
		return seen(looked)
	}
	fix := say("start a server, which ships them: " + p.cambio("serve"))
	if p.alive() {
		fix = say("a server runs and does not ship them: see audit-folder and audit-space, and `audit events cannot be shipped` in its log")
	}
	if waiting >= tooMany {
		return seen(looked, fail("so many wait that changes will soon be refused", fix))
	}
	return seen(looked, warn("they are not in any audit trail yet", fix))
}
