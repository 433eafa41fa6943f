package webhook

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
)

// FuzzParseCursor: what is accepted reads back as it is written.
func FuzzParseCursor(f *testing.F) {
	f.Add([]byte(`{"at":{"0123456789abcdef0123456789abcdef":{"file":"a.jsonl","offset":7,"seq":1}},"failingSince":"2026-11-22T12:00:00Z"}`))
	f.Add([]byte(`{"at":{}}`))
	f.Add([]byte(`{"at":{"x":{}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseCursor(text)
		if err != nil {
			require.ErrorIs(t, err, ErrCursor)
			return
		}
		written, err := json.Marshal(&c)
		require.NoError(t, err)
		again, err := parseCursor(written)
		require.NoError(t, err, "%s", written)
		require.Equal(t, c.At, again.At)
		require.True(t, c.FailingSince.Equal(again.FailingSince))
	})
}

func TestParseCursorRefuses(t *testing.T) {
	const good = `{"at":{"0123456789abcdef0123456789abcdef":{"file":"a.jsonl","offset":7,"seq":1}}}`
	_, err := parseCursor([]byte(good))
	require.NoError(t, err)
	for what, text := range map[string]string{
		"empty": "", "null": "null", "no places": "{}", "more": good + "{}", "unknown": strings.Replace(good, `"at"`, `"to":1,"at"`, 1),
		"writer": strings.Replace(good, "0123", "012x", 1), "offset": strings.Replace(good, "7", "-7", 1), "path": strings.Replace(good, "a.jsonl", "../a", 1),
	} {
		_, err := parseCursor([]byte(text))
		require.ErrorIs(t, err, ErrCursor, what)
	}
}

func TestCursorFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	one := cursor{At: audit.Bookmarks{"0123456789abcdef0123456789abcdef": {File: "a", Offset: 1, Seq: 2}}}
	two := cursor{At: audit.Bookmarks{}, FailingSince: time.Unix(1, 0).UTC()}
	read := func() cursor {
		c, err := loadCursor(path)
		require.NoError(t, err)
		return c
	}
	require.NoError(t, one.create(path))
	require.Equal(t, one, read())
	require.NoError(t, two.create(path))
	require.Equal(t, one, read(), "who came first has placed it")
	require.NoError(t, two.save(path))
	require.Equal(t, two, read())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing else is left")
	require.NoError(t, os.WriteFile(path, []byte(`{"at":{}}`+strings.Repeat(" ", maxCursor)), 0o600))
	_, err = loadCursor(path)
	require.ErrorIs(t, err, ErrCursor)
}
