package browser

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/cdproto/network"
)

// Weight is what the page consists of, in bytes that are not compressed, whether
// they came over the network or out of the cache, and how long the server took.
type Weight struct {
	Document, Styles, Scripts, Images, Fonts int
	Other                                    int // what scripts fetched, and all else
	Server                                   time.Duration
}

// Total returns the bytes of everything.
func (w Weight) Total() int {
	return w.Document + w.Styles + w.Scripts + w.Images + w.Fonts + w.Other
}

// Weight returns the weight of the page as it is loaded now. Server is the duration
// in the header Server-Timing of the document, the largest if it tells several; or
// else the time between the request and the first byte of the answer.
func (p *Page) Weight() Weight {
	p.tb.Helper()
	p.settle()
	var weight Weight
	for _, r := range p.watch.current() {
		if r.response == nil || strings.HasPrefix(r.url, "data:") {
			continue // a data: URL is in what holds it
		}
		body := must(p, network.GetResponseBody, network.GetResponseBodyParams{RequestID: r.id})
		of := &weight.Other
		switch r.kind { //nolint:exhaustive // the rest is Other
		case network.ResourceTypeDocument:
			of = &weight.Document
			weight.Server = serverTime(r.response)
		case network.ResourceTypeStylesheet:
			of = &weight.Styles
		case network.ResourceTypeScript:
			of = &weight.Scripts
		case network.ResourceTypeImage:
			of = &weight.Images
		case network.ResourceTypeFont:
			of = &weight.Fonts
		}
		*of += len(body.Body)
	}
	return weight
}

// serverDuration is the parameter of a metric in Server-Timing (W3C Server Timing,
// section 3), in milliseconds.
var serverDuration = regexp.MustCompile(`(?i);\s*dur\s*=\s*"?([0-9.]+)`)

func serverTime(response *network.Response) time.Duration {
	var longest time.Duration
	for name, value := range response.Headers {
		text, ok := value.(string)
		if !ok || !strings.EqualFold(name, "Server-Timing") {
			continue
		}
		for _, match := range serverDuration.FindAllStringSubmatch(text, -1) {
			if ms, err := strconv.ParseFloat(match[1], 64); err == nil {
				longest = max(longest, milliseconds(ms))
			}
		}
	}
	if longest == 0 && response.Timing != nil {
		return milliseconds(response.Timing.ReceiveHeadersStart - response.Timing.SendEnd)
	}
	return longest
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
