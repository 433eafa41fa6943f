package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// markLen is the length of a mark, whatever it says: a head is written over in
// place, which then needs no space on a full disk and cannot leave a rest of
// the longer one before.
const markLen = 192

var errMark = errors.New("the mark is damaged")

// writeMark writes or replaces the mark name, durably.
func (d folder) writeMark(name, writer string, at position) (err error) {
	f, err := d.open(name, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(encodeMark(writer, at), 0); err != nil {
		return err
	}
	return f.Sync()
}

// readMark reads the mark name. Its error is fs.ErrNotExist or errMark, wrapped, or the system's.
func (d folder) readMark(name, writer string) (position, error) {
	f, err := d.open(name, os.O_RDONLY)
	if err != nil {
		return position{}, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, markLen+1))
	if err != nil {
		return position{}, err
	}
	at, ok := parseMark(text, writer)
	if !ok {
		return position{}, fmt.Errorf("%s: %w", name, errMark)
	}
	return at, nil
}

// encodeMark is a mark's text: one JSON object, padded to markLen.
func encodeMark(writer string, at position) []byte {
	text := fmt.Appendf(make([]byte, 0, markLen), `{"writer":"%s","seq":%d,"hash":"%x"}`, writer, at.seq, at.hash)
	for len(text) < markLen-1 {
		text = append(text, ' ')
	}
	return append(text, '\n')
}

// parseMark accepts exactly what encodeMark makes for writer.
func parseMark(text []byte, writer string) (position, bool) {
	head := `{"writer":"` + writer + `","seq":`
	const hashKey = `,"hash":"`
	rest, found := bytes.CutPrefix(text, []byte(head))
	number, rest, cut := bytes.Cut(rest, []byte(hashKey))
	if !found || !cut || len(rest) < 2*sha256.Size {
		return position{}, false
	}
	var at position
	var err error
	if at.seq, err = strconv.ParseUint(string(number), 10, 64); err != nil {
		return position{}, false
	}
	if _, err := hex.Decode(at.hash[:], rest[:2*sha256.Size]); err != nil {
		return position{}, false
	}
	return at, bytes.Equal(text, encodeMark(writer, at))
}
