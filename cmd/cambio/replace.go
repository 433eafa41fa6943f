package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cambio-sts/cambio/internal/cli"
)

// replaceFile puts content in place of what a file holds, all of it at once, with the
// owner and mode of before; the file as it was stays beside it, under the name that is
// returned. It refuses if the file does not hold what was read from it any more.
func replaceFile(path, content string, was []byte, now time.Time) (kept string, err error) {
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".cambio-*") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // unless it was moved
	err = keepOwner(temporary, info)
	if err == nil {
		err = temporary.Chmod(info.Mode().Perm())
	}
	if err == nil {
		_, err = temporary.WriteString(content)
	}
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return "", fmt.Errorf("write beside %s: %w", path, err)
	}
	if is, err := os.ReadFile(path); err != nil || !bytes.Equal(is, was) {
		return "", errors.Join(err, &cli.Error{
			Code: "file_changed", Cause: path + " was changed meanwhile", Fix: "look at it, and run the command again", Exit: cli.ExitRefused,
		})
	}
	kept = path + "." + now.UTC().Format("20060102T150405.000Z")
	if err := os.Link(path, kept); err != nil {
		return "", err
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return "", errors.Join(err, os.Remove(kept))
	}
	return kept, syncFolderOf(path)
}
