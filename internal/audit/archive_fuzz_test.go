package audit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/id"
)

// Whatever stands between two lines, both are found, and nothing of another
// organization.
func FuzzSearch(f *testing.F) {
	good := Event{ID: id.New(), Time: noonOfModel, Name: TokenUsed, Organization: someWriter, Outcome: Success}
	before, at := appendLine(nil, good.appendJSON(nil), someWriter, genesis(someWriter))
	good.ID = id.New()
	after, _ := appendLine(nil, good.appendJSON(nil), someWriter, at)
	f.Add([]byte{}, uint16(300))
	f.Add([]byte("{}\n"), uint16(1))
	f.Add([]byte("\x00\x00\n"), uint16(300))
	f.Add(before, uint16(100))
	f.Add([]byte(`{"id":"`+someWriter+`","time":"2026-99-99T12:00:00.000Z","event":"A","seq":7,"writer":"`+someWriter+`","prev":"`+someWriter+someWriter+"\"}\n"), uint16(50))
	f.Fuzz(func(t *testing.T, between []byte, section uint16) {
		if len(between) > 0 && between[len(between)-1] != '\n' {
			between = append(between, '\n')
		}
		dir := t.TempDir()
		text := append(append(append([]byte{}, before...), between...), after...)
		require.NoError(t, os.WriteFile(filepath.Join(dir, linesName(noonOfModel, someWriter)), text, 0o600))
		archive := NewArchive(dir)
		archive.section = int64(section) + 16
		var found []string
		for entry, err := range archive.Search(t.Context(), Query{Organization: someWriter}) {
			if err != nil {
				require.ErrorIs(t, err, ErrDamaged)
				continue
			}
			require.Equal(t, someWriter, entry.Organization)
			line, err := json.Marshal(entry)
			require.NoError(t, err)
			found = append(found, string(line)+"\n")
		}
		require.GreaterOrEqual(t, len(found), 2)
		require.Equal(t, string(after), found[0])
		require.Equal(t, string(before), found[len(found)-1])
	})
}

// parseTime reads what AppendFormat writes, and nothing else as that.
func FuzzParseTime(f *testing.F) {
	f.Add("2026-11-22T12:00:00.123Z")
	f.Add("2026-02-30T12:00:00.123Z")
	f.Add("2026-11-22T12:00:00,123Z")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) != len(timeFormat) {
			return
		}
		want, err := time.Parse(timeFormat, text)
		got, ok := parseTime([]byte(text))
		if err == nil && text == want.Format(timeFormat) {
			require.True(t, ok)
			require.Equal(t, want.UnixMilli(), got)
		}
	})
}
