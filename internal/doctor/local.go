package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
)

const noConfig = "needs a configuration that can be used, see config"

func checkConfig(_ context.Context, p *patient) outcome {
	file := p.Sources.File
	if file == "" {
		file = "no file"
	}
	if p.unread != nil {
		return seen(file, fail("the file cannot be read: "+p.unread.Error(), say("name with --config a file that you can read; `cambio init` writes one")))
	}
	var findings []Finding
	for _, problem := range p.problems {
		findings = append(findings, fail(problem.String(), p.mendProblem(&problem)))
	}
	if len(findings) > 0 {
		return seen(file, findings...)
	}
	given := 0
	for _, from := range p.origins {
		if from != "default" {
			given++
		}
	}
	return seen(fmt.Sprintf("%s, %d keys, %d of them set", file, len(p.order), given))
}

// mendProblem takes a key that cannot be used out of where it stands; what is required
// only its owner knows.
func (p *patient) mendProblem(problem *config.Problem) Fix {
	text := problem.Fix
	if text == "" {
		text = "see docs/configuration.md for every key"
	}
	switch {
	case strings.HasPrefix(problem.Where, "CAMBIO_"):
		return run(text+"; or unset the variable", "unset", problem.Where)
	case config.Required(problem.Key) || problem.Key == "" || !strings.HasPrefix(problem.Where, p.Sources.File+":"):
		return say(text)
	default:
		return Fix{Text: text + "; or remove the key", Edit: &Edit{File: p.Sources.File, Key: problem.Key, Remove: true}}
	}
}

func checkConfigFile(_ context.Context, p *patient) outcome {
	file := p.Sources.File
	if file == "" {
		return skip("there is no file")
	}
	info, err := os.Stat(file)
	if err != nil {
		return skip("needs a file, see config")
	}
	looked := fmt.Sprintf("%s, mode %04o", file, info.Mode().Perm())
	if hasModes() && info.Mode().Perm()&0o022 != 0 {
		return seen(looked, fail("others than its owner may change the configuration", run("take that from them", "chmod", "go-w", file)))
	}
	return seen(looked)
}

func hasModes() bool { return runtime.GOOS != "windows" }

func checkSecrets(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	files := []string{p.settings.MasterKey.File, p.settings.Store.PasswordFile, p.settings.Store.SentinelPasswordFile, p.settings.Listen.TLSKey, p.settings.Login.ClientSecretFile}
	for i := range p.settings.Webhooks {
		files = append(files, p.settings.Webhooks[i].SecretFile)
	}
	for i := range p.settings.Credentials {
		if database := p.settings.Credentials[i].Postgres; database != nil {
			files = append(files, database.PasswordFile)
		}
	}
	var findings []Finding
	count := 0
	for _, file := range files {
		if file == "" {
			continue
		}
		count++
		info, err := os.Stat(file)
		if err != nil {
			findings = append(findings, fail(file+" cannot be read: "+err.Error(), say("create it, or mend the path")))
			continue
		}
		if mode := info.Mode().Perm(); hasModes() && mode&0o077 != 0 {
			found := warn
			if file == p.settings.MasterKey.File {
				found = fail // a server refuses to start with it
			}
			findings = append(findings, found(fmt.Sprintf("others than its owner may use %s (mode %04o)", file, mode), run("take that from them", "chmod", "0600", file)))
		}
	}
	return seen(fmt.Sprintf("%d files", count), findings...)
}

func checkMaster(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	file := p.settings.MasterKey.File
	master, err := p.master()
	if err != nil {
		cause := "the file cannot be read"
		if errors.Is(err, keys.ErrMasterSyntax) {
			cause = err.Error()
		}
		return seen(file, fail(cause, Fix{
			Text:  "restore the file from where you keep it safe; without it no token and no key of this store can be read",
			Place: &Place{File: file, What: whatMaster},
		}))
	}
	var versions []string
	for _, pepper := range master.Peppers() {
		versions = append(versions, fmt.Sprint(pepper.Version))
	}
	looked := fmt.Sprintf("%s, versions %s, each with its pepper", file, strings.Join(versions, ", "))
	if folder := filepath.Dir(file); p.embedded() && folder == filepath.Dir(p.settings.Store.URL.Path) {
		apart := folder + "-key"
		to := filepath.Join(apart, filepath.Base(file))
		fix := p.set("keep it apart from the data, and a copy on another machine; a server that runs has read it and needs it no more", keyMaster, to)
		fix.Command = shell("mkdir", "-p", "-m", "0700", apart) + " && " + shell("mv", file, to)
		return seen(looked, warn("it lies in the folder of the store: who copies or loses the one has copied or lost the other", fix))
	}
	return seen(looked)
}

const whatMaster = "the master key that the store was prepared with"

func checkOpenFiles(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	const besides = 512 // files, connections to the store, the admin listener
	limit, bounded := p.Machine.OpenFiles()
	if !bounded {
		return seen("no limit")
	}
	wanted := uint64(p.settings.Limits.MaxConnections) + besides //nolint:gosec // from 1
	looked := fmt.Sprintf("%d, of which up to %d are needed", limit, wanted)
	if limit >= wanted {
		return seen(looked)
	}
	if limit <= 2*besides {
		return seen(looked, warn("connections will be refused before limits.maxConnections is reached",
			say(fmt.Sprintf("raise the limit to %d: LimitNOFILE in the systemd unit, or ulimit -Hn", wanted))))
	}
	return seen(looked, warn("connections will be refused before limits.maxConnections is reached",
		p.set(fmt.Sprintf("allow no more than the limit holds, or raise it to %d (LimitNOFILE in the systemd unit, ulimit -Hn)", wanted), "limits.maxConnections", limit-besides)))
}

func checkClock(_ context.Context, p *patient) outcome {
	now := p.Now()
	looked := now.UTC().Format(time.RFC3339)
	var findings []Finding
	if now.Year() < 2026 {
		findings = append(findings, fail("the clock shows a time before this program was made", run("set it, and keep it right", "timedatectl", "set-ntp", "true")))
	}
	if p.TZ != "" {
		looked += ", TZ=" + p.TZ
		if _, err := time.LoadLocation(strings.TrimPrefix(p.TZ, ":")); err != nil {
			findings = append(findings, warn("there is no such time zone; what is shown in local time is in UTC", run("name one, such as", "export", "TZ=UTC")))
		}
	}
	return seen(looked, findings...)
}

// space judges the free space of the disk that a folder lies on.
func (p *patient) space(folder string) outcome {
	const mib = 1 << 20
	for {
		if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			break
		}
		folder = filepath.Dir(folder)
	}
	free, all, ok := p.Machine.Space(folder)
	if !ok {
		return skip("the space at %s cannot be told", folder)
	}
	looked := fmt.Sprintf("%s, %d MiB free of %d", folder, free/mib, all/mib)
	fix := say("make room, or move it to a larger disk")
	switch {
	case free < 64*mib:
		return seen(looked, fail("the disk is full: changes, and at last exchanges, will be answered 503", fix))
	case free < 1024*mib:
		return seen(looked, warn("the disk is nearly full", fix))
	}
	return seen(looked)
}

func checkStoreSpace(_ context.Context, p *patient) outcome {
	switch {
	case p.settings == nil:
		return skip(noConfig)
	case !p.embedded():
		return skip("the store is not embedded")
	}
	return p.space(filepath.Dir(p.settings.Store.URL.Path))
}

func checkAuditSpace(_ context.Context, p *patient) outcome {
	if p.settings == nil {
		return skip(noConfig)
	}
	return p.space(p.settings.Audit.Dir)
}
