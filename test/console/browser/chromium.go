package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const (
	endTimeout    = 20 * time.Second // of an orderly end, with what is still to be written
	removeTimeout = 5 * time.Second  // some processes of Chromium outlive it by a moment, and write
)

// chromium is a running browser with the folder of all it writes.
type chromium struct {
	ctx     context.Context //nolint:containedctx // chromedp keeps a browser in its context
	scratch scratch

	mu       sync.Mutex
	canaries []canary
}

// canary is a secret that must be in no file once the browser has ended.
type canary struct{ test, secret string }

// startChromium starts a browser with an empty profile.
func startChromium(program string) (*chromium, error) {
	made, err := newScratch()
	if err != nil {
		return nil, err
	}
	env, err := environment(made.dir)
	if err != nil {
		return nil, errors.Join(err, made.remove())
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program),
		chromedp.NoInheritEnv, chromedp.Env(env...),
		chromedp.UserDataDir(filepath.Join(made.dir, "profile")),
		chromedp.Flag("lang", "en-US"),
		// Nothing outside of this machine can be reached, by mistake neither.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"),
		chromedp.Flag("password-store", "basic"),
		// What a page looks like depends on as little of the machine as can be.
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("font-render-hinting", "none"),
	}
	for _, flag := range []string{
		"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "no-default-browser-check",
		"disable-background-networking", "disable-component-update", "disable-sync", "disable-breakpad",
		"disable-default-apps", "disable-extensions", "disable-dev-shm-usage",
		"hide-scrollbars", "mute-audio", "disable-lcd-text",
		// Tabs of tests that run at the same time are all in the foreground.
		"disable-background-timer-throttling", "disable-backgrounding-occluded-windows", "disable-renderer-backgrounding",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, _ := chromedp.NewExecAllocator(context.Background(), options...)
	// An event that Chromium has and chromedp does not know yet is not worth a line.
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("start %s: %w", program, err), made.remove())
	}
	return &chromium{ctx: ctx, scratch: made}, nil
}

// end ends the browser as closing its last window does, searches what it wrote for
// the canaries, and removes it.
func (c *chromium) end() error {
	ctx, cancel := context.WithTimeout(c.ctx, endTimeout)
	defer cancel()
	err := chromedp.Cancel(ctx)
	if errors.Is(err, context.Canceled) {
		err = errors.New("the browser ended before the tests")
	}
	return errors.Join(err, searchFiles(c.scratch.dir, c.canaries), c.scratch.remove())
}

// forbid has the browser's files searched for a secret when it has ended.
func (c *chromium) forbid(test, secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.canaries = append(c.canaries, canary{test: test, secret: secret})
}

// environment is all that the browser knows of this machine: nothing of the user's
// settings, and the same fonts wherever they are installed.
func environment(dir string) ([]string, error) {
	home, fonts := filepath.Join(dir, "home"), filepath.Join(dir, "fonts.conf")
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, fmt.Errorf("make a home: %w", err)
	}
	if err := os.WriteFile(fonts, fmt.Appendf(nil, fontConfig, filepath.Join(dir, "fonts")), 0o600); err != nil {
		return nil, fmt.Errorf("choose fonts: %w", err)
	}
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8", "TZ=UTC", "FONTCONFIG_FILE=" + fonts,
		"DBUS_SESSION_BUS_ADDRESS=unix:path=/dev/null", // there is none
	}, nil
}

const fontConfig = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>/usr/local/share/fonts</dir>
  <cachedir>%s</cachedir>
  <match target="font"><edit name="antialias" mode="assign"><bool>true</bool></edit></match>
  <alias binding="strong"><family>sans-serif</family><prefer><family>Liberation Sans</family><family>DejaVu Sans</family></prefer></alias>
  <alias binding="strong"><family>system-ui</family><prefer><family>Liberation Sans</family><family>DejaVu Sans</family></prefer></alias>
  <alias binding="strong"><family>serif</family><prefer><family>Liberation Serif</family><family>DejaVu Serif</family></prefer></alias>
  <alias binding="strong"><family>monospace</family><prefer><family>Liberation Mono</family><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`

// pool holds the browser that the tests of this process share.
type pool struct {
	mu      sync.Mutex
	shared  *chromium
	err     error
	started bool
	managed bool // Main ends it
}

var browsers pool

// get returns the shared browser, which it starts for the first test.
func (p *pool) get(tb testing.TB) *chromium {
	tb.Helper()
	program := find(tb)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.started {
		p.shared, p.err = startChromium(program)
		p.started = true
	}
	if p.err != nil {
		tb.Fatalf("%v", p.err)
	}
	return p.shared
}

// end ends the shared browser, if one was started.
func (p *pool) end() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shared == nil {
		return nil
	}
	return p.shared.end()
}

// find returns the path of Chromium or a browser built from it.
func find(tb testing.TB) string {
	tb.Helper()
	for _, program := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(program); err == nil {
			return path
		}
	}
	return testenv.Need(tb, "chromium")
}

// Main runs the tests of a package, ends their Chromium and exits; it belongs in
// TestMain. The run fails if the browser left a secret in its profile that a test
// has given to RequireNowhere.
func Main(m *testing.M) {
	browsers.managed = true
	code := m.Run()
	if err := browsers.end(); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "browser: %v\n", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// scratch is a folder that a shell in a session of its own removes at the end of
// its input, which comes when this process has ended, however it ends.
type scratch struct {
	dir     string
	hold    io.Closer
	remover *exec.Cmd
}

func newScratch() (scratch, error) {
	dir, err := os.MkdirTemp("", "cambio-browser-")
	if err != nil {
		return scratch{}, fmt.Errorf("make a folder for the browser: %w", err)
	}
	remover := exec.CommandContext(context.Background(), "sh", "-c", `cat; rm -rf -- "$1" || rm -rf -- "$1"`, "sh", dir) //nolint:gosec // the folder's name is our own
	remover.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	hold, err := remover.StdinPipe()
	if err != nil {
		return scratch{}, fmt.Errorf("watch the browser's folder: %w", err)
	}
	if err := remover.Start(); err != nil {
		return scratch{}, fmt.Errorf("watch the browser's folder: %w", err)
	}
	return scratch{dir: dir, hold: hold, remover: remover}, nil
}

// remove removes the folder, again while something still writes into it.
func (s scratch) remove() error {
	var err error
	if !within(removeTimeout, func() bool { err = os.RemoveAll(s.dir); return err == nil }) {
		return fmt.Errorf("remove the browser's folder: %w", err)
	}
	_ = s.hold.Close()
	_ = s.remover.Wait() // it has nothing left to remove
	return nil
}

// within polls condition until it is true, and reports whether it became so before
// the timeout.
func within(timeout time.Duration, condition func() bool) bool {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			return condition()
		}
	}
	return true
}
