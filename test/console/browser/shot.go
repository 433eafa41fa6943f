package browser

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
)

// artifactsVariable names the folder in which failed tests leave pictures. Without
// it, they are where `go test -artifacts` puts them.
const artifactsVariable = "TEST_ARTIFACTS"

const (
	// channelTolerance is how far apart two pixels may be in each of red, green and
	// blue, from 0 to 255, to be the same: anti-aliasing differs a little.
	channelTolerance = 48
	// shareTolerance is the share of pixels that may differ: fonts differ between
	// machines.
	shareTolerance = 0.02
)

// Screenshot returns a PNG of the whole document, also of what is below the
// viewport.
func (p *Page) Screenshot() []byte {
	p.tb.Helper()
	p.settle()
	shot, err := p.capture()
	if err != nil {
		p.tb.Fatalf("take a screenshot: %v", err)
	}
	return shot
}

// ScreenshotOf returns a PNG of the one element that a CSS selector matches.
func (p *Page) ScreenshotOf(css string) []byte {
	p.tb.Helper()
	var shot []byte
	p.settle()
	p.until("take a screenshot of "+css, func() error {
		element, err := p.query(css)
		if err != nil {
			return err
		}
		var box struct{ X, Y, Width, Height float64 }
		if err := p.run(&box, `e => { const b = e.getBoundingClientRect(); return {x: b.x + scrollX, y: b.y + scrollY, width: b.width, height: b.height} }`, element); err != nil {
			return err
		}
		shot, err = p.captureStill(box.X, box.Y, box.Width, box.Height)
		return err
	})
	return shot
}

// capture takes a picture of the whole document.
func (p *Page) capture() ([]byte, error) {
	metrics, err := call(p, page.GetLayoutMetrics, cdp.Empty{})
	if err != nil {
		return nil, err
	}
	size := metrics.CSSContentSize
	return p.captureStill(0, 0, size.Width, size.Height)
}

// captureStill takes a picture without what moves: the caret is hidden, and
// animations without an end are at their start.
func (p *Page) captureStill(x, y, width, height float64) ([]byte, error) {
	if !p.options.NoScript {
		if err := p.run(nil, stillScript, true); err != nil {
			return nil, err
		}
		defer func() { _ = p.run(nil, stillScript, false) }() // the page may have gone
	}
	return p.captureArea(x, y, width, height)
}

const stillScript = `still => {
	globalThis.cambioStill ??= {sheet: new CSSStyleSheet(), moving: []};
	const state = globalThis.cambioStill;
	state.sheet.replaceSync('*, *::before, *::after { caret-color: transparent !important }');
	document.adoptedStyleSheets = document.adoptedStyleSheets.filter(s => s !== state.sheet);
	if (!still) { state.moving.forEach(a => a.play()); state.moving = []; return }
	document.adoptedStyleSheets = [...document.adoptedStyleSheets, state.sheet];
	state.moving = document.getAnimations().filter(a => a.playState === 'running');
	state.moving.forEach(a => { a.pause(); a.currentTime = 0 });
}`

func (p *Page) captureArea(x, y, width, height float64) ([]byte, error) {
	shot, err := call(p, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Clip:                  &page.Viewport{X: x, Y: y, Width: width, Height: height, Scale: 1},
		CaptureBeyondViewport: new(true),
	})
	return shot.Data, err
}

// RequireScreenshot compares a PNG with the one in testdata/shots of the test's
// package, which `go test -update` writes. Up to 2 % of the pixels may differ by
// more than anti-aliasing does; pixels that one of them lacks count as different,
// and another width is an error. On failure, both and a picture of the differences
// are kept in $TEST_ARTIFACTS, or where `go test -artifacts` puts them.
func RequireScreenshot(tb testing.TB, name string, got []byte) {
	tb.Helper()
	golden := filepath.Join("testdata", "shots", name+".png")
	if updating() {
		if err := write(golden, got); err != nil {
			tb.Fatalf("%v", err)
		}
		return
	}
	want, err := os.ReadFile(golden) //nolint:gosec // the test names it
	if err != nil {
		tb.Fatalf("read the screenshot to compare with (go test -update writes it): %v", err)
	}
	share, diff, err := compare(want, got)
	if err == nil && share > shareTolerance {
		err = fmt.Errorf("%.1f %% of the pixels differ", share*100) //nolint:mnd // percent
	}
	if err == nil {
		return
	}
	dir := artifacts(tb)
	for suffix, picture := range map[string][]byte{"want": want, "got": got, "diff": diff} {
		if len(picture) == 0 {
			continue
		}
		if err := write(filepath.Join(dir, name+"-"+suffix+".png"), picture); err != nil {
			tb.Errorf("%v", err)
		}
	}
	tb.Fatalf("screenshot %s: %v; see %s", name, err, dir)
}

// updating reports whether the test was told to write golden files anew by the flag
// -update, which the package that is tested may have declared itself.
func updating() bool {
	declared := flag.Lookup("update")
	if declared == nil {
		return false
	}
	update, err := strconv.ParseBool(declared.Value.String())
	return err == nil && update
}

// DeclareUpdate declares the flag -update for a test package that has none, to be
// called while its variables are initialized.
func DeclareUpdate() *bool { return flag.Bool("update", false, "write the golden files anew") }

// compare returns the share of pixels that differ, and a picture of them in red.
func compare(want, got []byte) (share float64, diff []byte, err error) {
	a, err := png.Decode(bytes.NewReader(want))
	if err != nil {
		return 0, nil, fmt.Errorf("read the golden screenshot: %w", err)
	}
	b, err := png.Decode(bytes.NewReader(got))
	if err != nil {
		return 0, nil, fmt.Errorf("read the screenshot: %w", err)
	}
	if a.Bounds().Dx() != b.Bounds().Dx() {
		return 0, nil, fmt.Errorf("it is %d px wide, not %d", b.Bounds().Dx(), a.Bounds().Dx())
	}
	all := a.Bounds().Union(b.Bounds())
	canvas := image.NewRGBA(all)
	draw.Draw(canvas, all, image.White, image.Point{}, draw.Src)
	differ := 0
	for y := all.Min.Y; y < all.Max.Y; y++ {
		for x := all.Min.X; x < all.Max.X; x++ {
			at := image.Pt(x, y)
			if at.In(a.Bounds()) && at.In(b.Bounds()) && same(a.At(x, y), b.At(x, y)) {
				gray := color.GrayModel.Convert(b.At(x, y))
				canvas.Set(x, y, color.NRGBA{R: luma(gray), G: luma(gray), B: luma(gray), A: 255})
				continue
			}
			differ++
			canvas.Set(x, y, color.NRGBA{R: 255, A: 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, canvas); err != nil {
		return 0, nil, fmt.Errorf("draw the differences: %w", err)
	}
	if all.Empty() {
		return 0, nil, errors.New("the screenshots are empty")
	}
	return float64(differ) / float64(all.Dx()*all.Dy()), out.Bytes(), nil
}

// luma pales a gray so that red stands out of it.
func luma(c color.Color) uint8 {
	r, _, _, _ := c.RGBA()
	return uint8(191 + r>>10) //nolint:gosec // 191 to 254
}

func same(a, b color.Color) bool {
	p, q := rgb(a), rgb(b)
	for i := range p {
		if p[i]-q[i] > channelTolerance || q[i]-p[i] > channelTolerance {
			return false
		}
	}
	return true
}

// artifacts returns the folder for what a failed test leaves.
func artifacts(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv(artifactsVariable); dir != "" {
		return filepath.Join(dir, strings.NewReplacer("/", "_", " ", "_").Replace(tb.Name()))
	}
	return tb.ArtifactDir()
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
