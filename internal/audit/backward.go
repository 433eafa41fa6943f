package audit

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// backward reads the lines of a file from its end, a section at a time. Sections
// begin at multiples of their size, and a line belongs to the one in which the line
// before it ends.
type backward struct {
	dir     folder
	name    string
	section int64

	end      int64  // of what is not read yet
	carry    []byte // the line, or end of one, that stands after end and begins before
	skipping bool   // what stands just before end has no use
	cut      bool   // the file does not end with the end of a line
	overlong bool   // a line is longer than any that a sink writes

	buf   []byte
	lines [][]byte
}

// newBackward reads what the file held when it had size bytes.
func newBackward(dir folder, name string, size, section int64) *backward {
	return &backward{dir: dir, name: name, section: section, end: size, skipping: true}
}

// next returns the lines of the section before, oldest first and without their
// newlines, or none at the beginning of the file. They are valid until it is called
// again. Its error is io.ErrUnexpectedEOF if the file has become shorter, or the
// system's.
func (b *backward) next() ([][]byte, error) {
	for b.end > 0 {
		start := (b.end - 1) / b.section * b.section
		text, err := b.read(start)
		if err != nil {
			return nil, err
		}
		b.end = start
		if b.skipping {
			text = b.skip(text)
		}
		if start > 0 {
			text = b.hold(text)
		}
		if len(text) > 0 {
			return b.split(text), nil
		}
	}
	return nil, nil
}

// read returns what stands from start to the end, and the carry.
func (b *backward) read(start int64) (text []byte, err error) {
	f, err := b.dir.open(b.name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size := int(b.end - start)
	if need := size + len(b.carry); cap(b.buf) < need {
		b.buf = make([]byte, need)
	}
	if n, err := f.ReadAt(b.buf[:size], start); n < size {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return append(b.buf[:size], b.carry...), nil
}

// skip takes away what stands after the last newline.
func (b *backward) skip(text []byte) []byte {
	keep := bytes.LastIndexByte(text, '\n') + 1
	b.cut = b.cut || keep < len(text) && !b.overlong
	b.skipping = keep == 0
	return text[:keep]
}

// hold keeps what stands up to the first newline for the section before.
func (b *backward) hold(text []byte) []byte {
	keep := bytes.IndexByte(text, '\n') + 1
	if keep == 0 {
		keep = len(text)
	}
	b.carry = append(b.carry[:0], text[:keep]...)
	if len(b.carry) > maxLine+1 {
		b.carry, b.skipping, b.overlong = nil, true, true
	}
	return text[keep:]
}

func (b *backward) split(text []byte) [][]byte {
	b.lines = b.lines[:0]
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		b.lines, text = append(b.lines, line), rest
	}
	return b.lines
}
