package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/cambio-sts/cambio/internal/id"
)

const (
	// maxEvent is the longest event a sink takes, in bytes of JSON.
	maxEvent = 1 << 20
	// maxLine is the longest line a sink writes, and Verify holds in memory.
	maxLine = maxEvent + 256

	seqKey    = `,"seq":`
	writerKey = `,"writer":"`
	prevKey   = `","prev":"`
	lineEnd   = `"}`
)

// digest is the SHA-256 of a line without its newline.
type digest = [sha256.Size]byte

// position is a place in a writer's chain: a line's number and hash.
type position struct {
	seq  uint64
	hash digest
}

// genesis is the place before the first line of writer.
func genesis(writer string) position {
	return position{hash: sha256.Sum256([]byte(writer))}
}

// appendLine appends event, a JSON object with at least one member, as the line
// of writer that follows prev, with its newline. It returns the line's place.
func appendLine(dst, event []byte, writer string, prev position) ([]byte, position) {
	start := len(dst)
	dst = append(dst, event[:len(event)-1]...)
	dst = appendLink(dst, writer, prev.seq+1, prev.hash)
	at := position{seq: prev.seq + 1, hash: sha256.Sum256(dst[start:])}
	return append(dst, '\n'), at
}

// appendLink appends what a line has besides its event's members.
func appendLink(dst []byte, writer string, seq uint64, prev digest) []byte {
	dst = strconv.AppendUint(append(dst, seqKey...), seq, 10)
	dst = append(append(dst, writerKey...), writer...)
	dst = hex.AppendEncode(append(dst, prevKey...), prev[:])
	return append(dst, lineEnd...)
}

// parsedLine is what a line says of itself.
type parsedLine struct {
	id     string
	name   Name
	writer string
	prev   digest
	at     position
}

// parseLine reads a line without its newline. It accepts exactly what
// appendLine makes of some JSON object.
func parseLine(line []byte) (parsedLine, bool) {
	start := bytes.LastIndex(line, []byte(seqKey))
	if start < 0 {
		return parsedLine{}, false
	}
	number, rest, found := bytes.Cut(line[start+len(seqKey):], []byte(writerKey))
	if !found || len(rest) != id.Len+len(prevKey)+2*sha256.Size+len(lineEnd) {
		return parsedLine{}, false
	}
	p := parsedLine{writer: string(rest[:id.Len])}
	var err error
	if p.at.seq, err = strconv.ParseUint(string(number), 10, 64); err != nil || p.at.seq == 0 {
		return parsedLine{}, false
	}
	hash := rest[id.Len+len(prevKey):]
	if _, err := hex.Decode(p.prev[:], hash[:2*sha256.Size]); err != nil {
		return parsedLine{}, false
	}
	if !id.Valid(p.writer) || !bytes.Equal(appendLink(nil, p.writer, p.at.seq, p.prev), line[start:]) {
		return parsedLine{}, false
	}
	var event struct {
		ID   string `json:"id"`
		Name Name   `json:"event"`
	}
	if err := json.Unmarshal(line, &event); err != nil {
		return parsedLine{}, false
	}
	p.id, p.name, p.at.hash = event.ID, event.Name, sha256.Sum256(line)
	return p, true
}
