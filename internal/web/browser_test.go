package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/closewatch/closewatch/internal/web"
)

// chromium starts a browser, and fails, never skips, without one.
func chromium(t *testing.T) context.Context {
	t.Helper()
	const path = "/usr/bin/chromium"
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run `make setup` to install chromium", err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("no-first-run", true), chromedp.UserDataDir(t.TempDir()),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	browser, stopBrowser := chromedp.NewContext(allocator)
	t.Cleanup(stopBrowser)
	if err := chromedp.Do(browser, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return browser
}

// tab opens a tab that a hanging page cannot hold for longer than three minutes.
func tab(browser context.Context, t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	limited, cancel := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	return limited
}

func TestInABrowser(t *testing.T) {
	browser := chromium(t)
	for name, test := range map[string]func(context.Context, *testing.T){
		"pages fit every width and ask nobody": pagesFit,
		"hostile text makes no element":        hostileTextMakesNoElement,
		"one key from outcome to cause":        oneKeyFromOutcomeToCause,
		"the page refreshes in place":          pageRefreshesInPlace,
		"a key copies what people are told":    keyCopiesTheUpdate,
	} {
		t.Run(name, func(t *testing.T) { test(tab(browser, t), t) })
	}
}

// A witness notes what a page complains about and whom it asks.
type witness struct {
	mu         sync.Mutex
	complaints []string
	hosts      map[string]bool
}

func watch(ctx context.Context, t *testing.T) *witness {
	t.Helper()
	w := &witness{hosts: map[string]bool{}}
	err := chromedp.Listen(ctx, func(ev any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch ev := ev.(type) {
		case *runtime.EventConsoleAPICalled:
			w.complaints = append(w.complaints, fmt.Sprintf("console.%s", ev.Type))
		case *runtime.EventExceptionThrown:
			w.complaints = append(w.complaints, ev.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			w.complaints = append(w.complaints, ev.Entry.Text)
		case *network.EventRequestWillBeSent:
			if u, err := url.Parse(ev.Request.URL); err == nil && u.Scheme != "data" {
				w.hosts[u.Host] = true
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *witness) check(t *testing.T, host string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.complaints {
		t.Errorf("the browser complains: %s", c)
	}
	for h := range w.hosts {
		if h != host {
			t.Errorf("a page asked %s", h)
		}
	}
}

func server(t *testing.T, source web.Source) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(serve(source))
	t.Cleanup(s.Close)
	return s
}

// scheme makes the browser prefer light or dark.
func scheme(ctx context.Context, value string) error {
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}},
	})
	return err
}

// pagesFit opens every page in light and dark from a
// phone to a wall: nothing is wider than the window, the browser has nothing
// to complain about, and no other host is asked. CLOSEWATCH_SCREENSHOTS=dir
// keeps what it saw.
func pagesFit(ctx context.Context, t *testing.T) {
	sick, well := server(t, broken()), server(t, healthy())
	pages := []struct{ name, url string }{
		{"healthy", well.URL + "/"},
		{"broken", sick.URL + "/"},
		{"incident", sick.URL + "/incidents/I-118"},
		{"incidents", sick.URL + "/incidents"},
		{"resolved", sick.URL + "/incidents/I-117"},
		{"status", sick.URL + "/status"},
		{"status-healthy", well.URL + "/status"},
		{"runbooks", sick.URL + "/runbooks"},
		{"runbook", sick.URL + "/runbooks/database"},
		{"runbook-process", sick.URL + "/runbooks/invoice-posting"},
	}
	w := watch(ctx, t)
	for _, p := range pages {
		if err := chromedp.Do(ctx, chromedp.Navigate(p.url), chromedp.WaitVisible(chromedp.CSS("main h1, main h2"))); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int64{320, 390, 1440, 3840} {
			for _, value := range []string{"light", "dark"} {
				if err := errors.Join(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900)), scheme(ctx, value)); err != nil {
					t.Fatal(err)
				}
				over, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - window.innerWidth`))
				if err != nil {
					t.Fatal(err)
				}
				if over > 0 {
					t.Errorf("%s is %d px wider than a window of %d", p.name, over, width)
				}
				keep(ctx, t, fmt.Sprintf("%s-%d-%s.png", p.name, width, value))
			}
		}
	}
	u, _ := url.Parse(sick.URL)
	v, _ := url.Parse(well.URL)
	delete(w.hosts, v.Host)
	w.check(t, u.Host)
}

func keep(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("CLOSEWATCH_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// hostileTextMakesNoElement lets a browser judge what text can do.
func hostileTextMakesNoElement(ctx context.Context, t *testing.T) {
	s := server(t, poisoned())
	w := watch(ctx, t)
	if err := chromedp.Do(ctx, chromedp.Navigate(s.URL+"/"), chromedp.WaitVisible(chromedp.CSS("h1"))); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(".incident h3 a")), chromedp.WaitVisible(chromedp.CSS("#title"))); err != nil {
		t.Fatal(err)
	}
	n, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.querySelectorAll("xss-tag, [onx], main script").length`))
	if err != nil || n != 0 {
		t.Errorf("%d elements came out of text (%v)", n, err)
	}
	u, _ := url.Parse(s.URL)
	w.check(t, u.Host)
}

// oneKeyFromOutcomeToCause follows the way of somebody who was paged,
// with the keyboard alone.
func oneKeyFromOutcomeToCause(ctx context.Context, t *testing.T) {
	s := server(t, broken())
	if err := chromedp.Do(ctx, chromedp.Navigate(s.URL+"/"), chromedp.WaitVisible(chromedp.CSS("h1"))); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Focus(chromedp.CSS(".c-why a.go")), chromedp.KeyEvent("\r"), chromedp.WaitVisible(chromedp.CSS("#cause"))); err != nil {
		t.Fatal(err)
	}
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("section[aria-labelledby=cause]")))
	if err != nil || !strings.Contains(text, "The PostgreSQL primary db does not answer.") {
		t.Errorf("the cause is not told: %q (%v)", text, err)
	}
}

// pageRefreshesInPlace changes the estate below an open page: the words
// change, what is unfolded stays unfolded.
func pageRefreshesInPlace(ctx context.Context, t *testing.T) {
	changing := &changingEstate{current: healthy()}
	s := server(t, changing)
	if err := chromedp.Do(ctx, chromedp.Navigate(s.URL+"/"), chromedp.WaitVisible(chromedp.CSS("h1")), chromedp.Click(chromedp.CSS(".processes summary"))); err != nil {
		t.Fatal(err)
	}
	changing.set(broken())
	if err := chromedp.Do(ctx,
		chromedp.Evaluate[chromedp.Void](`document.dispatchEvent(new Event("visibilitychange"))`),
		chromedp.WaitVisible(chromedp.CSS(".verdict.critical")),
	); err != nil {
		t.Fatal(err)
	}
	open, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.querySelectorAll(".processes details[open]").length`))
	if err != nil || open != 1 {
		t.Errorf("%d rows are unfolded after the refresh, want 1 (%v)", open, err)
	}
}

// keyCopiesTheUpdate copies the draft of an update with the keyboard, and where
// the browser lets no page copy, has it chosen.
func keyCopiesTheUpdate(ctx context.Context, t *testing.T) {
	s := server(t, broken())
	const button = "section[aria-labelledby=tell] button"
	want := broken().incidents["I-118"].Update
	if err := chromedp.Do(ctx, chromedp.Navigate(s.URL+"/incidents/I-118"), chromedp.WaitVisible(chromedp.CSS(button))); err != nil {
		t.Fatal(err)
	}
	_, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](`Object.defineProperty(navigator, "clipboard", {configurable: true, value: {
		writeText: async (text) => { document.body.dataset.copied = text; },
	}})`))
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Focus(chromedp.CSS(button)), chromedp.KeyEvent("\r"), chromedp.WaitVisible(chromedp.CSS("body[data-copied]"))); err != nil {
		t.Fatal(err)
	}
	if got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.dataset.copied`)); err != nil || got != want {
		t.Errorf("copied %q, want %q (%v)", got, want, err)
	}
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`void Object.defineProperty(navigator, "clipboard", {value: undefined})`), chromedp.KeyEvent("\r")); err != nil {
		t.Fatal(err)
	}
	if got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`getSelection().toString()`)); err != nil || got != want {
		t.Errorf("chosen %q, want %q (%v)", got, want, err)
	}
}

type changingEstate struct {
	mu      sync.Mutex
	current estate
}

func (c *changingEstate) set(e estate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = e
}

func (c *changingEstate) get() estate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

func (c *changingEstate) Overview() web.Overview                  { return c.get().Overview() }
func (c *changingEstate) Incidents() []web.IncidentSummary        { return c.get().Incidents() }
func (c *changingEstate) Incident(id string) (web.Incident, bool) { return c.get().Incident(id) }
func (c *changingEstate) Status() web.Status                      { return c.get().Status() }
func (c *changingEstate) Runbooks() []web.Runbook                 { return c.get().Runbooks() }
func (c *changingEstate) Runbook(name string) (web.Runbook, bool) { return c.get().Runbook(name) }
