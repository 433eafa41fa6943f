package audit

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const someWriter = "0123456789abcdef0123456789abcdef"

// A line that parses is the line of what was parsed.
func FuzzParseLine(f *testing.F) {
	line, _ := appendLine(nil, []byte(`{"id":"a","event":"b"}`), someWriter, genesis(someWriter))
	f.Add(line[:len(line)-1])
	f.Add([]byte(`{"id":"a","seq":1,"writer":"` + someWriter + `","prev":""}`))
	f.Add([]byte(`{"id":1,"seq":18446744073709551616}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		p, ok := parseLine(line)
		if !ok {
			return
		}
		event := append(bytes.Clone(line[:bytes.LastIndex(line, []byte(seqKey))]), '}')
		printed, at := appendLine(nil, event, p.writer, position{seq: p.at.seq - 1, hash: p.prev})
		require.Equal(t, string(line)+"\n", string(printed))
		require.Equal(t, at, p.at)
	})
}

func TestParseLineRefuses(t *testing.T) {
	good, _ := appendLine(nil, []byte(`{"id":"a","event":"b"}`), someWriter, genesis(someWriter))
	line := string(good[:len(good)-1])
	_, ok := parseLine([]byte(line))
	require.True(t, ok)
	for name, bad := range map[string]string{
		"nothing":         "",
		"no link":         `{"id":"a"}`,
		"seq 0":           strings.Replace(line, `"seq":1`, `"seq":0`, 1),
		"padded seq":      strings.Replace(line, `"seq":1`, `"seq":01`, 1),
		"negative seq":    strings.Replace(line, `"seq":1`, `"seq":-1`, 1),
		"space":           strings.Replace(line, `"seq":1`, `"seq": 1`, 1),
		"upper-case hash": line[:len(line)-66] + strings.ToUpper(line[len(line)-66:]),
		"short hash":      line[:len(line)-3] + `"}`,
		"rest":            line + " ",
		"cut":             line[:len(line)-1],
		"no JSON before":  line[1:],
		"id is no string": strings.Replace(line, `"id":"a"`, `"id":[]`, 1),
		"foreign writer":  strings.Replace(line, someWriter, strings.ToUpper(someWriter), 1),
	} {
		_, ok := parseLine([]byte(bad))
		require.False(t, ok, name)
	}
}

// A mark that parses is the mark of what was parsed.
func FuzzParseMark(f *testing.F) {
	f.Add(encodeMark(someWriter, genesis(someWriter)))
	f.Add([]byte(`{"writer":"` + someWriter + `","seq":1,"hash":""}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if at, ok := parseMark(text, someWriter); ok {
			require.Equal(t, string(encodeMark(someWriter, at)), string(text))
			require.Len(t, text, markLen)
		}
	})
}

func TestRecentForgetsTheOldest(t *testing.T) {
	r := newRecent(2)
	for _, key := range []string{"a", "b", "b", "c"} {
		r.add(key, "at "+key)
	}
	_, known := r.find("a")
	require.False(t, known)
	where, known := r.find("b")
	require.True(t, known)
	require.Equal(t, "at b", where)
	_, known = r.find("c")
	require.True(t, known)
	r.add("d", "")
	_, known = r.find("b")
	require.False(t, known)
}

func TestMarkFitsTheLargestPosition(t *testing.T) {
	at := position{seq: ^uint64(0), hash: genesis(someWriter).hash}
	text := encodeMark(someWriter, at)
	require.Len(t, text, markLen)
	got, ok := parseMark(text, someWriter)
	require.True(t, ok)
	require.Equal(t, at, got)
}
