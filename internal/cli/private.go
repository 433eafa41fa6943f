package cli

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// private is a file of the home folder, or the folder it lies in, that must be the
// user's own.
type private struct {
	file string
	code string      // that errors begin with
	open fs.FileMode // the permissions that others must not have
	fix  string      // takes them away
	most int64       // size that is read, in bytes
}

// Whoever could write the address would be sent the token, and who can write to the
// folder can put files there.
var (
	privateToken  = private{homeTokenFile, "token_file", 0o077, "chmod 600 ", maxCredential + 1}
	privateServer = private{homeServerFile, "server_file", 0o022, "chmod 600 ", 16 << 10}
	privateFolder = private{file: homeFolder, code: "config_folder", open: 0o022, fix: "chmod 700 "}
)

// read returns what is in a file, and whether there is one. What it refuses or reads
// is what it opened, so nothing can be put in its place in between.
func (h home) read(p private) (text []byte, found bool, err error) {
	if h == "" {
		return nil, false, nil
	}
	path := h.path(p.file)
	file, err := os.Open(path) //nolint:gosec // in the user's own home
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, unreadable(path, err)
	}
	defer func() { _ = file.Close() }()
	if err := cmp.Or(h.checkFolder(), p.check(file)); err != nil {
		return nil, false, err
	}
	text, err = io.ReadAll(io.LimitReader(file, p.most))
	if err != nil {
		return nil, false, unreadable(path, err)
	}
	return text, true, nil
}

func (h home) checkFolder() error {
	path := h.path(privateFolder.file)
	folder, err := os.Open(path) //nolint:gosec // in the user's own home
	if err != nil {
		return unreadable(path, err)
	}
	defer func() { _ = folder.Close() }()
	return privateFolder.check(folder)
}

// check refuses an open file that is not the user's own.
func (p private) check(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return unreadable(file.Name(), err)
	}
	return p.judge(info, file.Name(), os.Geteuid())
}

// judge refuses what does not belong to the user of that id, or is open to others.
func (p private) judge(info fs.FileInfo, path string, user int) error {
	switch {
	case !ownedBy(info, user):
		return &Error{
			Code: p.code + "_foreign", Cause: quote(path) + " belongs to another user, who can change it",
			Fix: "make it yours with chown, or remove it and log in again with cambio login", Exit: ExitUsage,
		}
	case runtime.GOOS != "windows" && info.Mode().Perm()&p.open != 0:
		return &Error{Code: p.code + "_open", Cause: "others than its owner may use " + quote(path), Fix: p.fix + path, Exit: ExitUsage}
	}
	return nil
}
