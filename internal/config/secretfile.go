package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cambio-sts/cambio/internal/secret"
)

// MaxSecretFile is the greatest size of a secret file, in bytes.
const MaxSecretFile = 64 << 10

// Errors of ReadSecretFile beside those of the file system.
var (
	// ErrSecretTooLarge is a file above MaxSecretFile.
	ErrSecretTooLarge = errors.New("secret file is larger than 64 KiB")
	// ErrSecretEmpty is a file that holds nothing but a line end.
	ErrSecretEmpty = errors.New("secret file is empty")
	// ErrSecretNotRegular is a folder, a device or a pipe.
	ErrSecretNotRegular = errors.New("secret file is not a regular file")
)

// ReadSecretFile returns what the file at path holds, without the one line end
// an editor leaves after it. The error names the path, never the content; it is
// ErrSecretTooLarge, ErrSecretEmpty, ErrSecretNotRegular, or one of package os.
func ReadSecretFile(path string) (secret.Text, error) {
	text, err := readSecret(path)
	if err != nil {
		return secret.Text{}, fmt.Errorf("read secret %s: %w", path, err)
	}
	return secret.New(text), nil
}

func readSecret(path string) (string, error) {
	// Looked at before it is opened: opening a pipe would wait for its writer.
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", ErrSecretNotRegular
	}
	data, err := readLimited(path, MaxSecretFile)
	if err != nil {
		return "", err
	}
	if len(data) > MaxSecretFile {
		return "", ErrSecretTooLarge
	}
	text, _ := strings.CutSuffix(string(data), "\n")
	text, _ = strings.CutSuffix(text, "\r")
	if text == "" {
		return "", ErrSecretEmpty
	}
	return text, nil
}

// readLimited returns the file's content, or its first limit+1 bytes when there
// are more.
func readLimited(path string, limit int64) (_ []byte, err error) {
	f, err := os.Open(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, limit+1))
}
