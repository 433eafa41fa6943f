package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"

	http2frames "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	protocolHTTP1 = "http/1.1"
	protocolHTTP2 = "h2"
	// window is how much a server may send until it is told that there is room again.
	window    = 1<<31 - 1
	windowNew = 1 << 16 // of a connection (RFC 9113 §6.9.2)
)

// http2 is HTTP/2 (RFC 9113), one request at a time. A request is its body. It is
// written for the bench, as net/http's client takes several times the processor time,
// which would be taken from the server.
type http2 struct {
	authority string
	out       *bufio.Writer // of frames, until a request is whole
	frames    *http2frames.Framer
	encoder   *hpack.Encoder
	encoded   bytes.Buffer
	decoder   *hpack.Decoder
	status    string // of the answer
	stream    uint32 // of the request; odd
	taken     uint32 // of the window
}

var _ wire = (*http2)(nil)

// newHTTP2 begins a connection (RFC 9113 §3.4).
func newHTTP2(conn *tls.Conn, authority string) (*http2, error) {
	h := &http2{authority: authority, out: bufio.NewWriter(conn), stream: ^uint32(0)} // the first is 1
	h.frames = http2frames.NewFramer(h.out, bufio.NewReaderSize(conn, 8<<10))
	h.frames.SetReuseFrames()
	h.encoder = hpack.NewEncoder(&h.encoded)
	h.decoder = hpack.NewDecoder(4<<10, func(field hpack.HeaderField) {
		if field.Name == ":status" {
			h.status = field.Value
		}
	})
	_, err := h.out.WriteString(http2frames.ClientPreface)
	return h, errors.Join(err, h.frames.WriteSettings(http2frames.Setting{ID: http2frames.SettingEnablePush, Val: 0}),
		h.frames.WriteWindowUpdate(0, window-windowNew), h.out.Flush())
}

// ask implements wire.
func (h *http2) ask(request, memory []byte) (status string, body []byte, err error) {
	if err := h.send(request); err != nil {
		return "", nil, err
	}
	body = memory[:0]
	for ended := false; !ended; {
		frame, err := h.frames.ReadFrame()
		if err != nil {
			return "", nil, err
		}
		if body, ended, err = h.take(frame, body); err != nil {
			return "", nil, err
		}
	}
	return h.status, body, h.giveRoom()
}

// send sends a request. From the second on, its header is a few bytes, which stand for
// what the first has named.
func (h *http2) send(body []byte) error {
	h.encoded.Reset()
	for _, field := range [...][2]string{
		{":method", "POST"},
		{":scheme", "https"},
		{":path", tokenPath},
		{":authority", h.authority},
		{"user-agent", userAgent},
		{"accept", answerType},
		{"content-type", formType},
		{"content-length", strconv.Itoa(len(body))},
	} {
		_ = h.encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}) // a Buffer takes it
	}
	h.stream += 2
	return errors.Join(
		h.frames.WriteHeaders(http2frames.HeadersFrameParam{StreamID: h.stream, BlockFragment: h.encoded.Bytes(), EndHeaders: true}),
		h.frames.WriteData(h.stream, true, body), h.out.Flush())
}

// take does what a frame asks for and adds its data to the body.
func (h *http2) take(frame http2frames.Frame, body []byte) (longer []byte, ended bool, err error) {
	switch frame := frame.(type) {
	case *http2frames.HeadersFrame:
		if !frame.HeadersEnded() {
			return body, false, errors.New("a header in several frames, which is not read here")
		}
		_, err = h.decoder.Write(frame.HeaderBlockFragment())
		return body, frame.StreamEnded(), errors.Join(err, h.decoder.Close())
	case *http2frames.DataFrame:
		h.taken += frame.Length
		return append(body, frame.Data()...), frame.StreamEnded(), nil
	case *http2frames.SettingsFrame:
		if !frame.IsAck() {
			err = errors.Join(h.frames.WriteSettingsAck(), h.out.Flush())
		}
		return body, false, err
	case *http2frames.PingFrame:
		return body, false, errors.Join(h.frames.WritePing(true, frame.Data), h.out.Flush())
	case *http2frames.RSTStreamFrame:
		return body, false, fmt.Errorf("the server ended the request: %v", frame.ErrCode)
	case *http2frames.GoAwayFrame:
		return body, false, fmt.Errorf("the server ended the connection: %v", frame.ErrCode)
	default:
		return body, false, nil
	}
}

// giveRoom tells the server of what was read, now and then.
func (h *http2) giveRoom() error {
	if h.taken < window/2 {
		return nil
	}
	given := h.taken
	h.taken = 0
	return errors.Join(h.frames.WriteWindowUpdate(0, given), h.out.Flush())
}
