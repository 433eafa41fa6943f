package keys

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/cambio-sts/cambio/internal/secret"
)

// What a master key file does not let be done to it.
var (
	// ErrNothingToActivate says that the newest version seals already.
	ErrNothingToActivate = errors.New("the newest version of the master key seals already")
	// ErrPendingVersion says that a newer version waits to be activated.
	ErrPendingVersion = errors.New("a newer version of the master key waits to be activated")
	// ErrNoVersion says that the file does not hold the version.
	ErrNoVersion = errors.New("the master key has no such version")
	// ErrSealingVersion says that the version is the one that seals.
	ErrSealingVersion = errors.New("the version of the master key seals")
)

// AddVersion returns file with a fresh version behind the first: it opens and does
// not seal yet. ErrMasterSyntax; ErrPendingVersion if one like that is there.
func AddVersion(file []byte) (changed secret.Text, version int, err error) {
	versions, err := versionsOf(file)
	if err != nil {
		return secret.Text{}, 0, err
	}
	newest := slices.Max(versions)
	if newest != versions[0] {
		return secret.Text{}, 0, fmt.Errorf("%w: %d", ErrPendingVersion, newest)
	}
	if newest == math.MaxInt32 {
		return secret.Text{}, 0, fmt.Errorf("%w: no version comes after %d", ErrMasterSyntax, newest)
	}
	lines := slices.Insert(masterLines(file), 1, []byte(generateLine(newest+1)))
	return joinLines(lines), newest + 1, nil
}

// ActivateVersion returns file with its newest version first, which is then the one
// that seals. ErrMasterSyntax, ErrNothingToActivate.
func ActivateVersion(file []byte) (changed secret.Text, version int, err error) {
	versions, err := versionsOf(file)
	if err != nil {
		return secret.Text{}, 0, err
	}
	newest := slices.Max(versions)
	if newest == versions[0] {
		return secret.Text{}, 0, ErrNothingToActivate
	}
	at, lines := slices.Index(versions, newest), masterLines(file)
	line := lines[at]
	lines = slices.Insert(slices.Delete(lines, at, at+1), 0, line)
	return joinLines(lines), newest, nil
}

// RetireVersion returns file without a version. Whether anything still needs it is
// for the caller to know. ErrMasterSyntax, ErrNoVersion, ErrSealingVersion.
func RetireVersion(file []byte, version int) (secret.Text, error) {
	versions, err := versionsOf(file)
	if err != nil {
		return secret.Text{}, err
	}
	switch at := slices.Index(versions, version); at {
	case -1:
		return secret.Text{}, fmt.Errorf("%w: %d", ErrNoVersion, version)
	case 0:
		return secret.Text{}, fmt.Errorf("%w: %d", ErrSealingVersion, version)
	default:
		return joinLines(slices.Delete(masterLines(file), at, at+1)), nil
	}
}

func versionsOf(file []byte) ([]int, error) {
	master, err := ParseMaster(file)
	if err != nil {
		return nil, err
	}
	return master.Versions(), nil
}

func masterLines(file []byte) [][]byte {
	return bytes.Split(bytes.TrimSuffix(file, []byte("\n")), []byte("\n"))
}

func joinLines(lines [][]byte) secret.Text {
	return secret.New(string(bytes.Join(lines, []byte("\n"))) + "\n")
}

func generateLine(version int) string {
	var key [masterKeyLen]byte
	_, _ = rand.Read(key[:]) // crypto/rand.Read never fails since Go 1.24
	return strconv.Itoa(version) + ":" + base64.StdEncoding.EncodeToString(key[:])
}
