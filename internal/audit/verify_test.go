package audit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
)

// folderFiles is a folder by file name.
type folderFiles map[string][]byte

func load(tb testing.TB, dir string) folderFiles {
	tb.Helper()
	files := folderFiles{}
	for _, path := range glob(tb, dir, "*") {
		text, err := os.ReadFile(path)
		require.NoError(tb, err)
		files[filepath.Base(path)] = text
	}
	return files
}

func (f folderFiles) save(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range f {
		require.NoError(tb, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	return dir
}

func (f folderFiles) named(ext string) []string {
	var names []string
	for name := range f {
		if filepath.Ext(name) == ext {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// madeTrail is one writer in three files of about four lines each.
func madeTrail(tb testing.TB, ended bool) folderFiles {
	tb.Helper()
	dir := tb.TempDir()
	sink := open(tb, audit.Config{Dir: dir, MaxFileBytes: 1250, Queue: 100})
	record(tb, sink.Sink, 0, 11)
	if ended {
		require.NoError(tb, sink.stop())
	}
	files := load(tb, dir)
	require.Len(tb, files.named(".jsonl"), 3)
	return files
}

// split returns the lines of text with their newlines.
func split(text []byte) [][]byte { return slices.Collect(bytes.Lines(text)) }

func TestVerifyPinpoints(t *testing.T) {
	type damage func(files folderFiles, names []string)
	onLines := func(file int, change func(lines [][]byte) [][]byte) damage {
		return func(files folderFiles, names []string) {
			files[names[file]] = bytes.Join(change(split(files[names[file]])), nil)
		}
	}
	edit := func(file, line int, old, fresh string) damage {
		return onLines(file, func(lines [][]byte) [][]byte {
			lines[line] = bytes.Replace(lines[line], []byte(old), []byte(fresh), 1)
			return lines
		})
	}
	good := madeTrail(t, true)
	at := func(file, line int) (name string, number int) { return good.named(".jsonl")[file], line }
	first := len(split(good[good.named(".jsonl")[0]]))
	second := len(split(good[good.named(".jsonl")[1]]))
	third := len(split(good[good.named(".jsonl")[2]]))
	total := uint64(first + second + third)
	head := good.named(".head")[0]

	for name, c := range map[string]struct {
		damage damage
		file   int // -1: the head
		line   int
		seq    uint64
		cause  audit.Cause
	}{
		"first line edited":             {edit(0, 0, "curl", "wget"), 0, 1, 1, audit.Edited},
		"middle line edited":            {edit(0, 1, "curl", "wget"), 0, 2, 2, audit.Edited},
		"last line of a file edited":    {edit(0, first-1, "curl", "wget"), 0, first, uint64(first), audit.Edited},
		"last line but one edited":      {edit(2, third-2, "curl", "wget"), 2, third - 1, total - 1, audit.Edited},
		"last line edited":              {edit(2, third-1, "success", "failure"), 2, third, total, audit.Edited},
		"prev edited":                   {edit(1, 1, `"prev":"`, `"prev":"f`), 1, 2, uint64(first + 2), audit.Edited},
		"seq edited":                    {edit(0, 1, `"seq":2`, `"seq":3`), 0, 2, 3, audit.Edited},
		"first seq edited":              {edit(0, 0, `"seq":1`, `"seq":7`), 0, 1, 7, audit.Edited},
		"no JSON":                       {edit(0, 1, `{"id"`, `("id"`), 0, 2, 2, audit.Edited},
		"writer edited":                 {edit(0, 1, `"writer":"`, `"writer":"0`), 0, 2, 2, audit.Edited},
		"two lines edited":              {func(f folderFiles, n []string) { edit(0, 1, "curl", "wget")(f, n); edit(1, 1, "curl", "wget")(f, n) }, 0, 2, 2, audit.Edited},
		"line removed":                  {onLines(0, func(l [][]byte) [][]byte { return slices.Delete(l, 1, 2) }), 0, 2, 2, audit.Missing},
		"first line removed":            {onLines(0, func(l [][]byte) [][]byte { return l[1:] }), 0, 1, 1, audit.Missing},
		"last line of a file removed":   {onLines(0, func(l [][]byte) [][]byte { return l[:len(l)-1] }), 1, 1, uint64(first), audit.Missing},
		"last line removed":             {onLines(2, func(l [][]byte) [][]byte { return l[:len(l)-1] }), 2, third, total, audit.Truncated},
		"lines swapped":                 {onLines(0, func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l }), 0, 2, 2, audit.Reordered},
		"line repeated":                 {onLines(0, func(l [][]byte) [][]byte { return slices.Insert(l, 2, l[1]) }), 0, 3, 2, audit.Reordered},
		"line moved to the end":         {onLines(2, func(l [][]byte) [][]byte { return append(slices.Clone(l[1:]), l[0]) }), 2, 1, uint64(first + second + 1), audit.Reordered},
		"empty line":                    {onLines(0, func(l [][]byte) [][]byte { return slices.Insert(l, 1, []byte("\n")) }), 0, 2, 2, audit.Edited},
		"very long line":                {onLines(0, func(l [][]byte) [][]byte { return slices.Insert(l, 1, append(bytes.Repeat([]byte("x"), 3<<20), '\n')) }), 0, 2, 2, audit.Edited},
		"first file removed":            {func(f folderFiles, n []string) { delete(f, n[0]) }, 1, 1, 1, audit.Missing},
		"middle file removed":           {func(f folderFiles, n []string) { delete(f, n[1]) }, 2, 1, uint64(first + 1), audit.Missing},
		"last file removed":             {func(f folderFiles, n []string) { delete(f, n[2]) }, 1, second + 1, uint64(first + second + 1), audit.Truncated},
		"all files removed":             {func(f folderFiles, n []string) { delete(f, n[0]); delete(f, n[1]); delete(f, n[2]) }, -1, 1, 1, audit.Truncated},
		"last file emptied":             {func(f folderFiles, n []string) { f[n[2]] = nil }, 1, second + 1, uint64(first + second + 1), audit.Truncated},
		"last line cut":                 {func(f folderFiles, n []string) { f[n[2]] = f[n[2]][:len(f[n[2]])-9] }, 2, third, total, audit.Truncated},
		"last newline cut":              {func(f folderFiles, n []string) { f[n[2]] = f[n[2]][:len(f[n[2]])-1] }, 2, third, total, audit.Truncated},
		"file before cut inside a line": {func(f folderFiles, n []string) { f[n[0]] = f[n[0]][:len(f[n[0]])-9] }, 0, first, uint64(first), audit.Truncated},
		"head removed":                  {func(f folderFiles, _ []string) { delete(f, head) }, -1, 1, 0, audit.HeadMissing},
		"head garbled":                  {func(f folderFiles, _ []string) { f[head] = f[head][:20] }, -1, 1, 0, audit.Edited},
		"head of another writer's chain": {func(f folderFiles, _ []string) {
			f[head] = bytes.Replace(f[head], []byte(`"seq":12`), []byte(`"seq":11`), 1)
		}, -1, 1, 11, audit.Edited},
		"line copied behind the end": {onLines(2, func(l [][]byte) [][]byte { return append(l, l[0]) }), 2, third + 1, uint64(first + second + 1), audit.AfterEnd},
	} {
		t.Run(name, func(t *testing.T) {
			files := folderFiles{}
			for name, text := range good {
				files[name] = bytes.Clone(text)
			}
			c.damage(files, good.named(".jsonl"))
			report, err := audit.Verify(files.save(t))
			require.NoError(t, err)
			want := audit.Problem{File: head, Line: c.line, Seq: c.seq, Cause: c.cause}
			if c.file >= 0 {
				want.File, want.Line = at(c.file, c.line)
			}
			require.Equal(t, []audit.Problem{want}, report.Problems)
		})
	}
}

func TestVerifyOfAnOpenTrail(t *testing.T) {
	files := madeTrail(t, false)
	names := files.named(".jsonl")
	report := requireWhole(t, files.save(t))
	require.Len(t, report.Notes, 1)
	require.Equal(t, audit.Open, report.Notes[0].Cause)

	last := names[len(names)-1]
	whole := files[last]
	for name, tail := range map[string]string{
		"torn line": `{"id":"0123`, "zeros": "\x00\x00\x00\x00", "zeros before a line end": "\x00\x00\x00\"}\n",
	} {
		files[last] = append(bytes.Clone(whole), tail...)
		report := requireWhole(t, files.save(t))
		require.Len(t, report.Notes, 1, name)
		require.Equal(t, audit.Torn, report.Notes[0].Cause, name)
		require.Equal(t, uint64(12), report.Notes[0].Seq, name)
	}
	files[last] = append(bytes.Clone(whole), "{}\n"...)
	report, err := audit.Verify(files.save(t))
	require.NoError(t, err)
	require.Equal(t, []audit.Problem{{File: last, Line: len(split(whole)) + 1, Seq: 12, Cause: audit.Edited}}, report.Problems)
}

func TestVerifyNeedsAFolder(t *testing.T) {
	_, err := audit.Verify(filepath.Join(t.TempDir(), "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestVerifyIgnoresForeignFiles(t *testing.T) {
	files := madeTrail(t, true)
	files["README"] = []byte("x")
	files["notes.jsonl"] = []byte("x")
	files[strings.Repeat("A", 32)+".head"] = []byte("x")
	require.Equal(t, 12, requireWhole(t, files.save(t)).Lines)
}

// Every change of one byte of a line or of the head is found, and at the right
// place.
func FuzzVerifyFindsAnyChangedByte(f *testing.F) {
	good := madeTrail(f, true)
	names := append(good.named(".jsonl"), good.named(".head")...)
	f.Add(uint8(0), uint16(10), uint8(1))
	f.Add(uint8(1), uint16(0), uint8('\n'^'{'))
	f.Add(uint8(2), uint16(600), uint8(32))
	f.Add(uint8(3), uint16(60), uint8(1))
	f.Fuzz(func(t *testing.T, file uint8, offset uint16, flip uint8) {
		name := names[int(file)%len(names)]
		if flip != 0 {
			checkChangedByte(t, good, good.save(t), name, int(offset)%len(good[name]), flip)
		}
	})
}

// TestVerifyFindsChangedBytes is the fuzz property for every fifth place: the
// lines are much alike, so all their parts get their turn.
func TestVerifyFindsChangedBytes(t *testing.T) {
	good := madeTrail(t, true)
	dir := good.save(t)
	for _, name := range append(good.named(".jsonl"), good.named(".head")...) {
		for offset := 0; offset < len(good[name]); offset += 5 {
			checkChangedByte(t, good, dir, name, offset, byte(offset%255)+1)
		}
	}
}

// checkChangedByte changes one byte in dir, which holds good, and back.
func checkChangedByte(t *testing.T, good folderFiles, dir, name string, offset int, flip byte) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	_, err = file.WriteAt([]byte{good[name][offset] ^ flip}, int64(offset))
	require.NoError(t, err)
	report, err := audit.Verify(dir)
	require.NoError(t, err)
	require.Len(t, report.Problems, 1, "%s at %d", name, offset)
	if filepath.Ext(name) == ".jsonl" {
		require.Equal(t, name, report.Problems[0].File)
		require.Equal(t, 1+bytes.Count(good[name][:offset], []byte("\n")), report.Problems[0].Line, "%s at %d", name, offset)
	}
	_, err = file.WriteAt(good[name][offset:offset+1], int64(offset))
	require.NoError(t, err)
}

func TestRetentionLeavesACheckpoint(t *testing.T) {
	dir := t.TempDir()
	old := open(t, audit.Config{Dir: dir, MaxFileBytes: 1250})
	record(t, old.Sink, 0, 11)
	require.NoError(t, old.stop())
	names := glob(t, dir, "*.jsonl")
	require.Len(t, names, 3)
	past := time.Now().Add(-91 * 24 * time.Hour)
	for _, name := range names[:2] {
		require.NoError(t, os.Chtimes(name, past, past))
	}
	sweeper := open(t, audit.Config{Dir: dir, SyncEvery: time.Millisecond})
	record(t, sweeper.Sink, 0, 1)
	require.Eventually(t, func() bool { return len(glob(t, dir, "*.checkpoint")) == 1 && !exists(names[1]) }, 5*time.Second, time.Millisecond)
	require.NoError(t, sweeper.stop())
	require.NoFileExists(t, names[0])
	require.NoFileExists(t, names[1])
	require.FileExists(t, names[2])
	require.Len(t, glob(t, dir, "*.checkpoint"), 1)
	require.Equal(t, 2, requireWhole(t, dir).Writers)

	files := load(t, dir)
	checkpoint := files.named(".checkpoint")[0]
	for offset := range bytes.TrimRight(files[checkpoint], " \n") {
		changed := folderFiles{}
		for name, text := range files {
			changed[name] = bytes.Clone(text)
		}
		changed[checkpoint][offset] ^= 1
		report, err := audit.Verify(changed.save(t))
		require.NoError(t, err)
		require.Len(t, report.Problems, 1, offset)
	}
	delete(files, checkpoint)
	report, err := audit.Verify(files.save(t))
	require.NoError(t, err)
	require.Len(t, report.Problems, 1)
	require.Equal(t, audit.Missing, report.Problems[0].Cause)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func TestRetentionOfAWholeWriter(t *testing.T) {
	dir := t.TempDir()
	old := open(t, audit.Config{Dir: dir, MaxFileBytes: 1250})
	record(t, old.Sink, 0, 11)
	require.NoError(t, old.stop())
	past := time.Now().Add(-91 * 24 * time.Hour)
	sweepUntil := func(pattern string) {
		t.Helper()
		for _, name := range glob(t, dir, "*") {
			require.NoError(t, os.Chtimes(name, past, past))
		}
		sweeper := open(t, audit.Config{Dir: dir, SyncEvery: time.Millisecond})
		require.Eventually(t, func() bool { return len(glob(t, dir, pattern)) == 0 }, 5*time.Second, time.Millisecond)
		require.NoError(t, sweeper.stop())
	}
	sweepUntil("*.jsonl")
	require.Len(t, glob(t, dir, "*.checkpoint"), 1, "the marks stay as long again")
	require.Len(t, glob(t, dir, "*.head"), 1)
	require.Equal(t, audit.Report{}, requireWhole(t, dir))

	sweepUntil("*.checkpoint")
	require.Empty(t, glob(t, dir, "*"))
}

func TestRetentionKeepsADamagedFile(t *testing.T) {
	files := madeTrail(t, true)
	first := files.named(".jsonl")[0]
	files[first] = append(files[first], "edited\n"...)
	dir := files.save(t)
	other := open(t, audit.Config{Dir: dir, SyncEvery: time.Millisecond})
	record(t, other.Sink, 0, 1)
	require.NoError(t, other.stop())

	past := time.Now().Add(-91 * 24 * time.Hour)
	for _, name := range glob(t, dir, "*.jsonl") {
		require.NoError(t, os.Chtimes(name, past, past))
	}
	sweeper := open(t, audit.Config{Dir: dir, SyncEvery: time.Millisecond})
	require.Eventually(t, func() bool { return len(glob(t, dir, "*.checkpoint")) == 1 }, 5*time.Second, time.Millisecond)
	require.NoError(t, sweeper.stop())
	require.FileExists(t, filepath.Join(dir, first))
	require.Len(t, glob(t, dir, "*.jsonl"), 3, "of the other writer none is left")
}
