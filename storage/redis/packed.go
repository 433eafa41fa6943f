package redis

import "encoding/binary"

// packed reads what a script packed by cmsgpack: texts, whole numbers, false for what is
// not there, and lists of those (the MessagePack specification). It is read at once, as
// part of one text, where a reply of many values would be taken apart one by one. The
// first thing that cannot be read stays as err.
type packed struct {
	rest string
	err  error
}

// The first byte of a value.
const (
	packedNil, packedFalse = 0xc0, 0xc2
	// Those behind which stands the length, in one, two or four bytes.
	packedText8, packedText16, packedText32 = 0xd9, 0xda, 0xdb
	packedList16                            = 0xdc
	// Whole numbers of one, two, four and eight bytes.
	packedUint8, packedUint64 = 0xcc, 0xcf
	packedInt8, packedInt64   = 0xd0, 0xd3
)

func (p *packed) failed() { p.rest, p.err = "", errReply }

// cut takes n bytes.
func (p *packed) cut(n int) string {
	if n > len(p.rest) {
		p.failed()
		return ""
	}
	part := p.rest[:n]
	p.rest = p.rest[n:]
	return part
}

// head takes the first byte of a value.
func (p *packed) head() byte {
	head := p.cut(1)
	if head == "" {
		return 0
	}
	return head[0]
}

// size takes a number of so many bytes.
func (p *packed) size(bytes int) uint64 {
	var buf [8]byte
	copy(buf[8-bytes:], p.cut(bytes))
	return binary.BigEndian.Uint64(buf[:])
}

// text takes a text; "" for what is not there.
func (p *packed) text() string {
	switch head := p.head(); {
	case head == packedNil || head == packedFalse:
		return ""
	case head&0xe0 == 0xa0:
		return p.cut(int(head & 0x1f))
	case head >= packedText8 && head <= packedText32:
		if n := p.size(1 << (head - packedText8)); n <= uint64(len(p.rest)) {
			return p.cut(int(n)) //nolint:gosec // not more than there is
		}
	}
	p.failed()
	return ""
}

// number takes a whole number.
func (p *packed) number() int64 {
	switch head := p.head(); {
	case head < 0x80:
		return int64(head)
	case head >= 0xe0:
		return int64(int8(head)) //nolint:gosec // negative, as it is meant
	case head >= packedUint8 && head <= packedUint64:
		if n := p.size(1 << (head - packedUint8)); n < 1<<63 {
			return int64(n) //nolint:gosec // less than 1<<63
		}
	case head >= packedInt8 && head <= packedInt64:
		bytes := 1 << (head - packedInt8)
		unused := 64 - 8*bytes
		return int64(p.size(bytes)<<unused) >> unused //nolint:gosec // as above
	}
	p.failed()
	return 0
}

// list takes the beginning of a list and returns how many values it has; -1 for one that
// is not there.
func (p *packed) list() int {
	switch head := p.head(); {
	case head == packedNil || head == packedFalse:
		return -1
	case head&0xf0 == 0x90:
		return int(head & 0x0f)
	case head == packedList16:
		return int(p.size(2)) //nolint:gosec // of two bytes
	}
	p.failed()
	return -1
}

// texts takes a list of texts into all of to, which has room for as many; false if there
// is none.
func (p *packed) texts(to []string) bool {
	switch n := p.list(); {
	case n < 0:
		return false
	case n != len(to):
		p.failed()
		return false
	}
	for i := range to {
		to[i] = p.text()
	}
	return p.err == nil
}
