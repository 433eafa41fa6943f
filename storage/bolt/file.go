package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/bits"
	"os"
)

// FileError says why a file is not opened, and what to do about it. Open never
// changes or replaces a file that it refuses.
type FileError struct {
	Path  string
	Cause string
	Fix   string
	err   error
}

// Error returns all three.
func (e *FileError) Error() string {
	return fmt.Sprintf("database %s: %s; %s", e.Path, e.Cause, e.Fix)
}

// Unwrap returns the error behind it, if there was one.
func (e *FileError) Unwrap() error { return e.err }

func damaged(path, cause string) *FileError {
	return &FileError{
		Path: path, Cause: "it is damaged: " + cause,
		Fix: "nothing was changed in it: keep a copy and restore a backup with `cambio restore`; a repair may bring revoked tokens back to life",
	}
}

// ErrLocked says that another process has the file.
var ErrLocked = errors.New("locked")

func locked(path string, err error) *FileError {
	return &FileError{
		Path: path, Cause: "it is locked, most likely by another cambio that runs on it",
		Fix: "end that one first, or give each its own file; several replicas need a Redis store", err: errors.Join(ErrLocked, err),
	}
}

// What bbolt writes into the head of a file (its format version 2): each page
// begins with a header of 16 bytes, pages 0 and 1 go on with a meta of 64. All
// numbers are in the byte order of the machine.
const (
	magic       = 0xED0CDAED
	boltVersion = 2

	headerLen   = 16
	metaLen     = 64
	metaSumLen  = 56 // what the checksum covers
	minPageSize = 1024
	maxPageSize = 1 << 16

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagMeta     = 0x04
	flagFreelist = 0x10
)

type header struct {
	id       uint64
	flags    uint16
	count    uint16
	overflow uint32
}

func parseHeader(b []byte) header {
	order := binary.NativeEndian
	return header{id: order.Uint64(b), flags: order.Uint16(b[8:]), count: order.Uint16(b[10:]), overflow: order.Uint32(b[12:])}
}

type meta struct {
	pageSize, root, freelist, end, txid uint64 // all but the first and last are page numbers
}

// checkFile reads the head of a file as bbolt will, and refuses with a
// *FileError what bbolt would mend, fall over or write over: anything but two
// good meta pages, a whole file and a free list within it.
func checkFile(file *os.File) (os.FileInfo, error) {
	path := file.Name()
	info, err := file.Stat()
	if err != nil {
		return nil, &FileError{Path: path, Cause: err.Error(), Fix: "let the user that runs cambio read the file", err: err}
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, &FileError{Path: path, Cause: "it is not a regular file", Fix: "name a file on a local disk"}
	case info.Size() == 0:
		return nil, &FileError{Path: path, Cause: "it is empty, which a database never is", Fix: "restore a backup with `cambio restore`; if there never was a database, remove the file and run `cambio init`"}
	}
	if err := checkPages(file, info.Size()); err != nil {
		if fileErr, ok := errors.AsType[*FileError](err); ok {
			fileErr.Path = path
			return nil, fileErr
		}
		return nil, damaged(path, err.Error())
	}
	return info, nil
}

// checkPages checks the pages that bbolt reads as it opens a file of size bytes.
func checkPages(r io.ReaderAt, size int64) error {
	first, err := readMeta(r, 0, 0)
	if err != nil {
		return fmt.Errorf("first meta page: %w", err)
	}
	second, err := readMeta(r, 1, first.pageSize)
	if err != nil {
		return fmt.Errorf("second meta page: %w", err)
	}
	if second.pageSize != first.pageSize {
		return errors.New("the meta pages disagree about the page size")
	}
	for _, m := range []meta{first, second} {
		if m.end < 4 || m.root < 2 || m.root >= m.end {
			return errors.New("a meta page points outside the file")
		}
	}
	newest := first
	if second.txid > first.txid {
		newest = second
	}
	if pages := uint64(size) / newest.pageSize; pages < newest.end { //nolint:gosec // a size is not negative
		return fmt.Errorf("it is truncated: %d of %d pages are left", pages, newest.end)
	}
	if err := checkRoot(r, newest); err != nil {
		return err
	}
	return checkFreelist(r, newest)
}

// readMeta reads meta page number of a file with pages of pageSize; 0: take the
// size from the page.
func readMeta(r io.ReaderAt, number, pageSize uint64) (meta, error) {
	var page [headerLen + metaLen]byte
	if _, err := r.ReadAt(page[:], int64(number*pageSize)); err != nil { //nolint:gosec // at most maxPageSize
		return meta{}, fmt.Errorf("read: %w", err)
	}
	order := binary.NativeEndian
	head, body := parseHeader(page[:]), page[headerLen:]
	switch order.Uint32(body) {
	case magic:
	case bits.ReverseBytes32(magic):
		return meta{}, &FileError{
			Cause: "it was written on a machine of the other byte order",
			Fix:   "run cambio on a machine like the one that wrote it",
		}
	default:
		return meta{}, errors.New("it is not a bbolt database, or its head was overwritten")
	}
	if version := order.Uint32(body[4:]); version != boltVersion {
		return meta{}, fmt.Errorf("bbolt format %d, not %d", version, boltVersion)
	}
	sum := fnv.New64a()
	_, _ = sum.Write(body[:metaSumLen]) // a hash never fails
	if order.Uint64(body[metaSumLen:]) != sum.Sum64() {
		return meta{}, errors.New("wrong checksum")
	}
	m := meta{
		pageSize: uint64(order.Uint32(body[8:])), root: order.Uint64(body[16:]), freelist: order.Uint64(body[32:]),
		end: order.Uint64(body[40:]), txid: order.Uint64(body[48:]),
	}
	switch {
	case head != header{id: number, flags: flagMeta}:
		return meta{}, errors.New("wrong page header")
	case m.pageSize < minPageSize || m.pageSize > maxPageSize || bits.OnesCount64(m.pageSize) != 1:
		return meta{}, fmt.Errorf("page size %d", m.pageSize)
	}
	return m, nil
}

func readHeader(r io.ReaderAt, page uint64, m meta) (header, error) {
	var b [headerLen]byte
	if _, err := r.ReadAt(b[:], int64(page*m.pageSize)); err != nil { //nolint:gosec // within the file, as its end is
		return header{}, fmt.Errorf("read page %d: %w", page, err)
	}
	head := parseHeader(b[:])
	if head.id != page || uint64(head.overflow) >= m.end-page {
		return header{}, fmt.Errorf("page %d has the wrong header", page)
	}
	return head, nil
}

func checkRoot(r io.ReaderAt, m meta) error {
	head, err := readHeader(r, m.root, m)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	if head.flags != flagLeaf && head.flags != flagBranch {
		return errors.New("root: not a tree page")
	}
	return nil
}

// checkFreelist checks that the free list lies on its pages and names pages of
// the file: bbolt reads as many numbers as it says, and writes to those.
func checkFreelist(r io.ReaderAt, m meta) error {
	if m.freelist < 2 || m.freelist >= m.end {
		return errors.New("the free list lies outside the file")
	}
	head, err := readHeader(r, m.freelist, m)
	if err != nil {
		return fmt.Errorf("free list: %w", err)
	}
	if head.flags != flagFreelist {
		return errors.New("free list: wrong page header")
	}
	length := (uint64(head.overflow) + 1) * m.pageSize
	list := io.NewSectionReader(r, int64(m.freelist*m.pageSize)+headerLen, int64(length)-headerLen) //nolint:gosec // within the file
	count := uint64(head.count)
	if head.count == 0xFFFF { // the number stands in the first place
		if err := binary.Read(list, binary.NativeEndian, &count); err != nil {
			return fmt.Errorf("free list: %w", err)
		}
	}
	if count > length/8 {
		return errors.New("free list: longer than its pages")
	}
	ids := make([]uint64, count)
	if err := binary.Read(list, binary.NativeEndian, ids); err != nil {
		return fmt.Errorf("free list: %w", err)
	}
	previous := uint64(1)
	for _, id := range ids {
		if id <= previous || id >= m.end {
			return errors.New("free list: pages out of order or outside the file")
		}
		previous = id
	}
	return nil
}
