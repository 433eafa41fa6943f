package bolt

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

func openAt(path string) (*DB, error) {
	return Open(Config{Path: path, Now: time.Now})
}

// goodFile returns the bytes of a file that has been written to.
func goodFile(tb testing.TB) []byte {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "cambio.db")
	db, err := Open(Config{Path: path, Create: true, Now: time.Now})
	require.NoError(tb, err)
	for range 20 {
		addIdentity(tb, db)
	}
	require.NoError(tb, db.Close())
	data, err := os.ReadFile(path)
	require.NoError(tb, err)
	return data
}

func addIdentity(tb testing.TB, db *DB) directory.ID {
	tb.Helper()
	made := directory.ID(id.New())
	identity := directory.Identity{ID: made, Organization: made, Username: "user " + string(made), Enabled: true, Groups: []directory.ID{made}, Revision: 1}
	require.NoError(tb, db.Identities().Create(tb.Context(), identity, audit.Event{ID: id.New()}))
	return made
}

// newestMeta returns the page of the newest meta of a file, and the other one.
func newestMeta(tb testing.TB, data []byte) (newest, other []byte, m meta) {
	tb.Helper()
	first, err := readMeta(bytes.NewReader(data), 0, 0)
	require.NoError(tb, err)
	second, err := readMeta(bytes.NewReader(data), 1, first.pageSize)
	require.NoError(tb, err)
	pages := [][]byte{data[:first.pageSize], data[first.pageSize : 2*first.pageSize]}
	if first.txid > second.txid {
		return pages[0], pages[1], first
	}
	return pages[1], pages[0], second
}

// sign makes the checksum of a meta page right again.
func sign(page []byte) {
	sum := fnv.New64a()
	_, _ = sum.Write(page[headerLen : headerLen+metaSumLen])
	binary.NativeEndian.PutUint64(page[headerLen+metaSumLen:], sum.Sum64())
}

// put writes a number into a meta page and makes its checksum right again.
func put(page []byte, offset int, number uint64) {
	binary.NativeEndian.PutUint64(page[headerLen+offset:], number)
	sign(page)
}

func TestOpenRefusesDamage(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, data []byte) []byte
		cause  string
	}{
		"zero length":       {func(*testing.T, []byte) []byte { return nil }, "it is empty"},
		"no whole page":     {func(_ *testing.T, d []byte) []byte { return d[:79] }, "first meta page"},
		"one page":          {func(_ *testing.T, d []byte) []byte { return d[:os.Getpagesize()] }, "second meta page"},
		"the meta pages":    {func(_ *testing.T, d []byte) []byte { return d[:2*os.Getpagesize()] }, "truncated"},
		"one byte short":    {lastByteOff, "truncated"},
		"zeroes":            {func(_ *testing.T, d []byte) []byte { return make([]byte, len(d)) }, "not a bbolt database"},
		"text":              {func(_ *testing.T, d []byte) []byte { return bytes.Repeat([]byte("text "), len(d)/5) }, "not a bbolt database"},
		"newest meta page":  {inNewest(func(p []byte) { p[headerLen+16] ^= 1 }), "wrong checksum"},
		"other meta page":   {inOther(func(p []byte) { p[headerLen+16] ^= 1 }), "wrong checksum"},
		"newest, magic":     {inNewest(func(p []byte) { p[headerLen] ^= 1 }), "not a bbolt database"},
		"other, all zeroes": {inOther(func(p []byte) { clear(p) }), "not a bbolt database"},
		"version":           {inNewest(func(p []byte) { p[headerLen+4]++; sign(p) }), "bbolt format 3"},
		"page header":       {inNewest(func(p []byte) { p[8] = flagLeaf }), "wrong page header"},
		"page size":         {inNewest(func(p []byte) { p[headerLen+9]++; sign(p) }), "page size"},
		"byte order":        {otherByteOrder, "other byte order"},
		"root outside":      {inNewest(func(p []byte) { put(p, 16, 1<<40) }), "points outside"},
		"root elsewhere":    {inNewest(func(p []byte) { put(p, 16, 1+binary.NativeEndian.Uint64(p[headerLen+16:])) }), "root"},
		"free list outside": {inNewest(func(p []byte) { put(p, 32, 1<<40) }), "free list lies outside"},
		"no free list":      {inNewest(func(p []byte) { put(p, 32, 1<<64-1) }), "free list lies outside"},
		"free list length":  {inFreelist(func(p []byte) { binary.NativeEndian.PutUint16(p[10:], 0xFFFE) }), "longer than its pages"},
		"free list number":  {inFreelist(func(p []byte) { binary.NativeEndian.PutUint64(p[headerLen:], 1) }), "out of order or outside"},
		"free list page":    {inFreelist(func(p []byte) { p[0]++ }), "wrong header"},
		"free list kind":    {inFreelist(func(p []byte) { p[8] = flagLeaf }), "wrong page header"},
		"another's":         {someBolt(func(*bbolt.Tx) error { return nil }), "not one of Cambio"},
		"a later layout": {someBolt(func(tx *bbolt.Tx) error {
			about, err := tx.CreateBucket(bucketAbout)
			if err == nil {
				err = about.Put(keyFormat, []byte("9"))
			}
			return err
		}), `layout has version "9"`},
		"a bucket missing": {someBolt(func(tx *bbolt.Tx) error {
			about, err := tx.CreateBucket(bucketAbout)
			if err == nil {
				err = about.Put(keyFormat, []byte(formatVersion))
			}
			return err
		}), "bucket tokens is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cambio.db")
			data := c.change(t, goodFile(t))
			require.NoError(t, os.WriteFile(path, data, 0o600))
			for _, create := range []bool{false, true} {
				_, err := Open(Config{Path: path, Create: create, Now: time.Now})
				var fileErr *FileError
				require.ErrorAs(t, err, &fileErr)
				require.Equal(t, path, fileErr.Path)
				require.Contains(t, fileErr.Cause, c.cause)
				require.NotEmpty(t, fileErr.Fix)
				require.ErrorContains(t, err, path)
				after, err := os.ReadFile(path)
				require.NoError(t, err)
				require.True(t, bytes.Equal(data, after), "the file was changed")
			}
		})
	}
	t.Run("as it was", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cambio.db")
		require.NoError(t, os.WriteFile(path, goodFile(t), 0o600))
		db, err := openAt(path)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
}

func lastByteOff(t *testing.T, data []byte) []byte {
	t.Helper()
	_, _, m := newestMeta(t, data)
	return data[:m.end*m.pageSize-1]
}

func inNewest(change func(page []byte)) func(*testing.T, []byte) []byte {
	return func(t *testing.T, data []byte) []byte {
		t.Helper()
		newest, _, _ := newestMeta(t, data)
		change(newest)
		return data
	}
}

func inOther(change func(page []byte)) func(*testing.T, []byte) []byte {
	return func(t *testing.T, data []byte) []byte {
		t.Helper()
		_, other, _ := newestMeta(t, data)
		change(other)
		return data
	}
}

func inFreelist(change func(page []byte)) func(*testing.T, []byte) []byte {
	return func(t *testing.T, data []byte) []byte {
		t.Helper()
		_, _, m := newestMeta(t, data)
		change(data[m.freelist*m.pageSize:])
		return data
	}
}

// otherByteOrder turns the numbers of both meta pages around.
func otherByteOrder(t *testing.T, data []byte) []byte {
	t.Helper()
	newest, other, _ := newestMeta(t, data)
	for _, page := range [][]byte{newest, other} {
		at := 0
		for _, size := range []int{8, 2, 2, 4, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8} {
			number := page[at : at+size]
			for i := range size / 2 {
				number[i], number[size-1-i] = number[size-1-i], number[i]
			}
			at += size
		}
	}
	return data
}

func someBolt(fill func(tx *bbolt.Tx) error) func(*testing.T, []byte) []byte {
	return func(t *testing.T, _ []byte) []byte {
		t.Helper()
		path := filepath.Join(t.TempDir(), "other.db")
		db, err := bbolt.Open(path, 0o600, nil)
		require.NoError(t, err)
		require.NoError(t, db.Update(fill))
		require.NoError(t, db.Close())
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		return data
	}
}

func TestOpenMissing(t *testing.T) {
	folder := t.TempDir()
	for name, path := range map[string]string{"file": filepath.Join(folder, "cambio.db"), "folder": filepath.Join(folder, "no", "cambio.db")} {
		_, err := openAt(path)
		require.ErrorIs(t, err, os.ErrNotExist, name)
		require.ErrorContains(t, err, "cambio init", name)
	}
	_, err := Open(Config{Path: filepath.Join(folder, "no", "cambio.db"), Create: true, Now: time.Now})
	require.ErrorContains(t, err, "make its folder")
	_, err = Open(Config{Path: folder, Create: true, Now: time.Now})
	var fileErr *FileError
	require.ErrorAs(t, err, &fileErr, "a folder is no file")
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, entries)
	_, err = Open(Config{Path: filepath.Join(folder, "cambio.db")})
	require.Error(t, err, "without a clock")
}

func TestOpenLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cambio.db")
	first, err := Open(Config{Path: path, Create: true, Now: time.Now})
	require.NoError(t, err)
	start := time.Now()
	_, err = openAt(path)
	require.Less(t, time.Since(start), 2*time.Second)
	var fileErr *FileError
	require.ErrorAs(t, err, &fileErr)
	require.Equal(t, path, fileErr.Path)
	require.ErrorContains(t, err, "another cambio")

	waiting := make(chan error)
	go func() {
		second, err := Open(Config{Path: path, Now: time.Now, LockTimeout: 30 * time.Second})
		if err == nil {
			err = second.Close()
		}
		waiting <- err
	}()
	require.NoError(t, first.Close())
	require.NoError(t, <-waiting, "it waits for the first to let go")
}

func TestCreateTogether(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "cambio.db")
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if err := createFile(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing else is left")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	db, err := openAt(path)
	require.NoError(t, err)
	made := addIdentity(t, db)
	require.NoError(t, db.Close())

	require.NoError(t, createFile(path))
	db, err = Open(Config{Path: path, Create: true, Now: time.Now})
	require.NoError(t, err)
	_, err = db.Identities().Find(t.Context(), made)
	require.NoError(t, err, "what is there stays")
	require.NoError(t, db.Close())
}

func TestOpenWarnsOfReaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cambio.db")
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o640: 1} {
		require.NoError(t, os.WriteFile(path, goodFile(t), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		core, logs := observer.New(zap.WarnLevel)
		db, err := Open(Config{Path: path, Now: time.Now, Logger: zap.New(core)})
		require.NoError(t, err)
		require.NoError(t, db.Close())
		require.Equal(t, want, logs.Len(), mode)
	}
}

// FuzzCheckPages changes a good file in one place. No change to what a meta page
// says passes, and whatever passes lies within the file. Each worker process has
// a good file of its own, so no seed may hold bytes of one: a meta page of
// another file has a right checksum.
func FuzzCheckPages(f *testing.F) {
	good := goodFile(f)
	_, _, m := newestMeta(f, good)
	good = good[:m.end*m.pageSize]
	for _, at := range []uint64{0, 8, headerLen, headerLen + 16, m.pageSize + headerLen + 48, m.freelist * m.pageSize, m.freelist*m.pageSize + 10} {
		f.Add(uint32(at), []byte{1})
		f.Add(uint32(at), []byte{0xFF, 0xFF, 0xFF, 0xFF})
	}
	f.Add(uint32(0), []byte{})
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		data := bytes.Clone(good)
		copy(data[int(at)%len(data):], patch)
		if checkPages(bytes.NewReader(data), int64(len(data))) != nil {
			return
		}
		for page := range uint64(2) {
			start := page * m.pageSize
			require.Equal(t, good[start:start+headerLen+metaLen], data[start:start+headerLen+metaLen])
		}
		require.NoError(t, checkFreelist(bytes.NewReader(data), m))
		require.Error(t, checkPages(bytes.NewReader(data), int64(m.end*m.pageSize)-1), "shorter")
	})
}

// FuzzCheckFile reads whatever there is.
func FuzzCheckFile(f *testing.F) {
	good := goodFile(f)
	_, _, m := newestMeta(f, good)
	f.Add(good[:m.end*m.pageSize])
	f.Add(good[:8192])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if checkPages(bytes.NewReader(data), int64(len(data))) == nil {
			_, _, m := newestMeta(t, data)
			require.LessOrEqual(t, m.end*m.pageSize, uint64(len(data)))
			require.Less(t, m.root, m.end)
			require.Less(t, m.freelist, m.end)
		}
	})
}
