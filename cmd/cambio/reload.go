package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// filePoll is how often the files are looked at that may change under a server.
const filePoll = 2 * time.Second

// watchFiles reads the master key, the certificate and the store's authorities anew when their files change,
// and at once when asked to, until ctx ends.
func (n *node) watchFiles(ctx context.Context) error {
	ticker := time.NewTicker(filePoll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-n.asked:
			n.logger.Info("asked to look at the files")
			n.certificates.forget()
			n.authorities.forget()
		}
		n.masterFile.look(ctx)
		n.certificates.look()
		n.authorities.look()
	}
}

// masterFile follows the file of the master key. Whatever is wrong with what it has
// become, the server goes on by what it has read before, and says so once.
type masterFile struct {
	path    string
	master  *keys.Master
	peppers *pat.Peppers
	ring    *keys.Ring
	log     *zap.Logger

	taken   [sha256.Size]byte // digest of what was read last
	trouble string            // what was said last
}

// openMasterFile reads the file for the first time.
func openMasterFile(path string, log *zap.Logger) (*masterFile, error) {
	text, err := readMasterFile(path)
	if err != nil {
		return nil, err
	}
	f := &masterFile{path: path, log: log, taken: sha256.Sum256(text)}
	if f.master, err = parseMaster(text); err != nil {
		return nil, err
	}
	f.peppers, err = pat.NewPeppers(peppersOf(f.master)...)
	return f, err
}

func (f *masterFile) look(ctx context.Context) {
	switch err := f.reload(ctx); {
	case err == nil || ctx.Err() != nil:
		f.trouble = ""
	case err.Error() != f.trouble:
		f.trouble = err.Error()
		f.log.Warn("the file of the master key is not taken: what was read before holds on", zap.String("path", f.path), zap.Error(err))
	}
}

// reload takes what the file has become, if all that is stored opens by it.
func (f *masterFile) reload(ctx context.Context) error {
	text, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	if sum == f.taken {
		return nil
	}
	next, err := keys.ParseMaster(text)
	if err != nil {
		return err
	}
	if err := config.CheckPrivate(f.path); err != nil { // the next start would refuse it
		return err
	}
	if err := f.ring.Opens(ctx, next); err != nil {
		return err
	}
	before := f.master.Versions()
	if err := f.master.Replace(next); err != nil {
		return err
	}
	if err := f.peppers.Replace(peppersOf(next)...); err != nil {
		return err
	}
	f.taken = sum
	f.log.Info("master key read again", zap.Ints("versions", next.Versions()), zap.Ints("before", before))
	return nil
}

// note is the versions that this process has, the one that seals first.
func (f *masterFile) note() string { return noteOf(f.master.Versions()) }

func noteOf(versions []int) string {
	texts := make([]string, len(versions))
	for i, version := range versions {
		texts[i] = strconv.Itoa(version)
	}
	return strings.Join(texts, ",")
}

// parseNote reads what noteOf wrote.
func parseNote(note string) ([]int, error) {
	var versions []int
	for text := range strings.SplitSeq(note, ",") {
		version, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("versions %q of a server: %w", note, err)
		}
		versions = append(versions, version)
	}
	return versions, nil
}

func peppersOf(master *keys.Master) []pat.Pepper {
	var live []pat.Pepper
	for _, pepper := range master.Peppers() {
		live = append(live, pat.Pepper{Version: pepper.Version, Key: []byte(pepper.Key.Reveal())})
	}
	return live
}
