package bolt

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cambio-sts/cambio/pat"
)

// wire writes a row, or reads one: the same list of members (rows.go) does both.
// A member is a byte, its number, then either an integer in zigzag base 128, or
// a length and that many bytes. Members come by rising numbers; an absent one
// has its zero value, and none is written for it. So each row has exactly one
// encoding, and a number that this program does not know is an error rather
// than lost as the row is written again.
//
// A row is read into one string, and its texts are parts of that: reading it
// costs little more than one allocation.
type wire struct {
	reading bool
	skip    members // lists that are passed over as they are read
	in      string  // left to read
	out     []byte  // written so far
	err     error   // the first
}

// members is a set of numbers of members, a bit each.
type members uint64

func (m members) has(number byte) bool { return m&(1<<number) != 0 }

var errRow = errors.New("the row is damaged")

// encode returns the row of value.
func encode[T any](value *T, members func(*wire, *T)) []byte {
	w := &wire{out: make([]byte, 0, 512)}
	members(w, value)
	return w.out
}

// decode fills value, which is zero, from a row. It trusts no byte of it.
func decode[T any](row []byte, value *T, members func(*wire, *T)) error {
	w := &wire{reading: true, in: string(row)}
	members(w, value)
	return w.end()
}

// end returns what went wrong, also if there is something left to read.
func (w *wire) end() error {
	if w.err == nil && w.in != "" {
		return fmt.Errorf("%w: member %d is out of place", errRow, w.in[0])
	}
	return w.err
}

// next reports whether the next member to read has this number, and goes past
// the number.
func (w *wire) next(number byte) bool {
	if w.err != nil || w.in == "" || w.in[0] != number {
		return false
	}
	w.in = w.in[1:]
	return true
}

func (w *wire) fail() {
	if w.err == nil {
		w.err = errRow
	}
	w.in = ""
}

// readUvarint reads the shortest encoding of a number, and no other.
func (w *wire) readUvarint() uint64 {
	var n uint64
	for i := 0; i < len(w.in) && i < 10; i++ {
		c := w.in[i]
		if c >= 0x80 {
			n |= uint64(c&0x7F) << (7 * i)
			continue
		}
		if c == 0 && i > 0 || i == 9 && c > 1 {
			break
		}
		w.in = w.in[i+1:]
		return n | uint64(c)<<(7*i)
	}
	w.fail()
	return 0
}

func (w *wire) writeUvarint(n uint64) {
	for ; n >= 0x80; n >>= 7 {
		w.out = append(w.out, byte(n)|0x80)
	}
	w.out = append(w.out, byte(n))
}

func (w *wire) readBytes() string {
	n := w.readUvarint()
	if n > uint64(len(w.in)) {
		w.fail()
		return ""
	}
	text := w.in[:n]
	w.in = w.in[n:]
	return text
}

func (w *wire) writeBytes(text string) {
	w.writeUvarint(uint64(len(text)))
	w.out = append(w.out, text...)
}

// text is a member; empty is absent.
func text[T ~string](w *wire, number byte, value *T) {
	switch {
	case !w.reading && *value != "":
		w.out = append(w.out, number)
		w.writeBytes(string(*value))
	case w.reading && w.next(number):
		*value = T(w.readBytes())
		if *value == "" {
			w.fail()
		}
	}
}

// integer is a member; 0 is absent.
func integer[T ~int | ~int64](w *wire, number byte, value *T) {
	switch {
	case !w.reading && *value != 0:
		w.out = append(w.out, number)
		w.writeInteger(int64(*value))
	case w.reading && w.next(number):
		n := w.readInteger()
		*value = T(n)
		if n == 0 || int64(*value) != n {
			w.fail()
		}
	}
}

func (w *wire) readInteger() int64 {
	n := w.readUvarint()
	return int64(n>>1) ^ -int64(n&1) // zigzag: the sign is the lowest bit
}

func (w *wire) writeInteger(n int64) {
	w.writeUvarint(uint64(n)<<1 ^ uint64(n>>63)) //nolint:gosec // zigzag: the sign is the lowest bit
}

// optional is an integer member of which 0 is a value; nil is absent.
func (w *wire) optional(number byte, value **int64) {
	switch {
	case !w.reading && *value != nil:
		w.out = append(w.out, number)
		w.writeInteger(**value)
	case w.reading && w.next(number):
		n := w.readInteger()
		*value = &n
	}
}

// flag is a member; false is absent.
func (w *wire) flag(number byte, value *bool) {
	var n int
	if *value {
		n = 1
	}
	integer(w, number, &n)
	*value = n != 0
	if n != n&1 {
		w.fail()
	}
}

// moment is a time in Unix milliseconds; the zero time is absent. What lies at
// the epoch itself is kept as the zero time too.
func (w *wire) moment(number byte, value *time.Time) {
	n := millis(*value)
	integer(w, number, &n)
	if w.reading {
		if *value = at(n); n != 0 && value.IsZero() {
			w.fail()
		}
	}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func at(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

// A list is a member: a number of items and then these, none of which is ever
// absent. nil is absent, unlike empty.

func (w *wire) writeList(number byte, items int) {
	w.out = append(w.out, number)
	w.writeUvarint(uint64(items)) //nolint:gosec // a length
}

// readList returns the number of items that follow; false if there is no list.
func (w *wire) readList(number byte) (items int, ok bool) {
	if !w.next(number) {
		return 0, false
	}
	n := w.readUvarint()
	if n > uint64(len(w.in)) { // an item has at least one byte
		w.fail()
		return 0, false
	}
	return int(n), true //nolint:gosec // bounded above
}

// pass reads over the items of a list of texts.
func (w *wire) pass(items int) {
	for range items {
		w.readBytes()
	}
}

// texts is a list of texts.
func texts[T ~string](w *wire, number byte, values *[]T) {
	if !w.reading && *values != nil {
		w.writeList(number, len(*values))
		for _, value := range *values {
			w.writeBytes(string(value))
		}
	}
	if !w.reading {
		return
	}
	if n, ok := w.readList(number); ok {
		if w.skip.has(number) {
			w.pass(n)
			return
		}
		*values = make([]T, n)
		for i := range *values {
			(*values)[i] = T(w.readBytes())
		}
	}
}

// prefixes is a list of networks in their textual form.
func (w *wire) prefixes(number byte, values *[]netip.Prefix) {
	if !w.reading && *values != nil {
		var buf [64]byte
		w.writeList(number, len(*values))
		for _, value := range *values {
			w.writeBytes(string(value.AppendTo(buf[:0])))
		}
	}
	if !w.reading {
		return
	}
	if n, ok := w.readList(number); ok {
		if w.skip.has(number) {
			w.pass(n)
			return
		}
		var buf [64]byte
		*values = make([]netip.Prefix, n)
		for i := range *values {
			text := w.readBytes()
			prefix, err := netip.ParsePrefix(text)
			if err != nil || string(prefix.AppendTo(buf[:0])) != text {
				w.fail()
			}
			(*values)[i] = prefix
		}
	}
}

// oldUses is a list of uses, each with all its members.
func (w *wire) oldUses(number byte, values *[]pat.OldUse) {
	if !w.reading && *values != nil {
		w.writeList(number, len(*values))
		for _, value := range *values {
			w.writeInteger(millis(value.At))
			w.writeBytes(value.IP)
			w.writeBytes(value.UserAgent)
		}
	}
	if !w.reading {
		return
	}
	if n, ok := w.readList(number); ok {
		*values = make([]pat.OldUse, n)
		for i := range *values {
			(*values)[i] = pat.OldUse{At: at(w.readInteger()), IP: w.readBytes(), UserAgent: w.readBytes()}
		}
	}
}

// digest is two members: the version of the pepper, and the sum.
func (w *wire) digest(number byte, value *pat.Digest) {
	integer(w, number, &value.Pepper)
	sum := ""
	if !w.reading && !value.IsZero() {
		sum = string(value.Sum[:])
	}
	text(w, number+1, &sum)
	if !w.reading {
		return
	}
	if value.IsZero() != (sum == "") || sum != "" && len(sum) != len(value.Sum) || value.Pepper < 0 {
		w.fail()
		return
	}
	copy(value.Sum[:], sum)
}
