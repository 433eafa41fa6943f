package browser_test

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/test/console/browser"
)

// picture is a white PNG in which the first pixels, row by row, are of a color.
func picture(t *testing.T, width, height, colored int, c color.Color) []byte {
	t.Helper()
	canvas := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		canvas.Set(i%width, i/width, color.White)
		if i < colored {
			canvas.Set(i%width, i/width, c)
		}
	}
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, canvas))
	return out.Bytes()
}

func TestRequireScreenshot(t *testing.T) {
	t.Chdir(t.TempDir())
	kept := t.TempDir()
	t.Setenv("TEST_ARTIFACTS", kept)
	golden := filepath.Join("testdata", "shots", "page.png")
	requireFail(t, "go test -update writes it", func(v *verdict) { browser.RequireScreenshot(v, "page", nil) })
	require.NoError(t, flag.Set("update", "true"))
	t.Cleanup(func() { _ = flag.Set("update", "false") })
	requirePass(t, func(v *verdict) { browser.RequireScreenshot(v, "page", picture(t, 100, 100, 0, nil)) })
	require.FileExists(t, golden)
	require.NoError(t, flag.Set("update", "false"))

	for _, test := range []struct {
		name string
		got  []byte
		want string
	}{
		{"same", picture(t, 100, 100, 0, nil), ""},
		{"two in a hundred", picture(t, 100, 100, 200, color.Black), ""},
		{"all a little", picture(t, 100, 100, 10_000, color.Gray{Y: 210}), ""},
		{"a row lower", picture(t, 100, 102, 0, nil), ""},
		{"more", picture(t, 100, 100, 201, color.Black), `2.0 % of the pixels differ`},
		{"all more", picture(t, 100, 100, 10_000, color.Gray{Y: 200}), `100.0 % of the pixels differ`},
		{"much lower", picture(t, 100, 103, 0, nil), `2.9 % of the pixels differ`},
		{"wider", picture(t, 101, 100, 0, nil), "101 px wide, not 100"},
		{"no picture", []byte("x"), "read the screenshot"},
	} {
		run := func(v *verdict) { browser.RequireScreenshot(v, "page", test.got) }
		if test.want == "" {
			requirePass(t, run)
		} else {
			requireFail(t, test.want, run)
		}
	}
	for _, name := range []string{"page-got.png", "page-want.png", "page-diff.png"} {
		require.FileExists(t, filepath.Join(kept, t.Name(), name))
	}
}

func TestScreenshot(t *testing.T) {
	t.Parallel()
	s := newSite(t,
		change{`<p class="cut">`, `<p class="turns">moves</p><p class="tall">tall</p><p class="cut">`},
		change{".cut {", ".tall { height: 2000px } .turns { animation: turn 1s linear infinite } @keyframes turn { to { opacity: 0 } }\n.cut {"})
	p := browser.Open(t, browser.Options{Base: s.URL, Width: 640, Height: 480})
	p.Goto("/")
	p.Click("#name") // where the caret blinks
	whole, err := png.Decode(bytes.NewReader(p.Screenshot()))
	require.NoError(t, err)
	require.Equal(t, 640, whole.Bounds().Dx())
	require.Greater(t, whole.Bounds().Dy(), 2000)
	require.Equal(t, p.Screenshot(), p.Screenshot(), "it stands still")
	part, err := png.Decode(bytes.NewReader(p.ScreenshotOf(".cut")))
	require.NoError(t, err)
	require.Equal(t, image.Pt(200, 24), part.Bounds().Size())
}

func TestShots(t *testing.T) {
	s := newSite(t)
	dir := filepath.Join(t.TempDir(), "shots")
	p := browser.Open(t, browser.Options{Base: s.URL})
	t.Run("all", func(t *testing.T) {
		browser.Shots(t, p, []browser.Shot{
			{Name: "tokens", Path: "/", Prepare: func(p *browser.Page) { p.Fill("Name", "x") }},
		}, dir, 320, 640)
	})
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	require.Equal(t, []string{"tokens-320-dark.png", "tokens-320-light.png", "tokens-640-dark.png", "tokens-640-light.png"}, names)
	light, dark := readFile(t, filepath.Join(dir, names[1])), readFile(t, filepath.Join(dir, names[0]))
	require.NotEqual(t, light, dark)
	config, err := png.DecodeConfig(bytes.NewReader(light))
	require.NoError(t, err)
	require.Equal(t, 320, config.Width)
}
