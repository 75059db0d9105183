package playground_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var pictures = flag.String("pictures", "", "write pictures of the pages into this `folder`")

// The pages are built once, and one Chromium shows them all.
var built struct {
	once   sync.Once
	folder string
	err    error
}

func TestMain(m *testing.M) {
	flag.Parse()
	status := m.Run()
	if built.folder != "" {
		os.RemoveAll(built.folder)
	}
	os.Exit(status)
}

// pageFile is a page that build.sh has just made of what is here.
func pageFile(t *testing.T) string {
	t.Helper()
	need(t, "node", "npm")
	built.once.Do(func() {
		if built.folder, built.err = os.MkdirTemp("", "playground"); built.err != nil {
			return
		}
		out, err := exec.Command("./build.sh", filepath.Join(built.folder, "playground.html")).CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("build.sh: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.folder, "playground.html")
}

// need skips a test without programs, or fails it if KNOCKC_BROWSER is `required`.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("KNOCKC_BROWSER") == "required" {
			t.Fatalf("%s is not installed", program)
		}
		t.Skipf("%s is not installed", program)
	}
}

// page is a page in a browser.
type page struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	errors   []string // what the console says of errors
	requests []string // to what is outside of the page
}

// patience is how long a page may take for anything, also on a busy machine.
const patience = 2 * time.Minute

// open opens a file in a browser of its own, which shows light or dark pages.
func open(t *testing.T, file, scheme string, width, height int64) *page {
	t.Helper()
	need(t, "chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.WSURLReadTimeout(patience))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	p := &page{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatal(err)
	}
	must(t, call(ctx, log.Enable, cdp.Empty{}))
	must(t, call(ctx, network.Enable, network.EnableParams{}))
	must(t, call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
	var viewport []chromedp.EmulateViewportOption
	if width < 600 {
		viewport = append(viewport, chromedp.EmulateMobile)
	}
	p.do(chromedp.EmulateViewport(width, height, viewport...))
	p.do(chromedp.Navigate("file://" + file))
	return p
}

func call[P, R any](ctx context.Context, command cdp.Command[P, R], params P) error {
	_, err := chromedp.Call(ctx, command, params)
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hear notes what must not be.
func (p *page) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.errors = append(p.errors, e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		p.errors = append(p.errors, fmt.Sprintf("%+v", e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			p.errors = append(p.errors, fmt.Sprint(e.Type, " in the console"))
		}
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		if err != nil || u.Scheme != "file" && u.Scheme != "data" && u.Scheme != "blob" {
			p.requests = append(p.requests, e.Request.URL)
		}
	}
}

func (p *page) do(action chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	must(p.t, chromedp.Do(p.ctx, action))
}

// eval is the value of an expression.
func eval[T any](p *page, script string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// until waits for a condition.
func (p *page) until(condition string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !eval[bool](p, condition); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("in vain: %s\nthe page says: %.3000s", condition, eval[string](p, "document.body.innerText"))
		}
	}
}

// quiet fails if the page has had an error, or asked for something outside.
func (p *page) quiet() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.errors) > 0 {
		p.t.Errorf("errors of the page: %s", strings.Join(p.errors, "\n"))
	}
	if len(p.requests) > 0 {
		p.t.Errorf("the page asks for %s", p.requests)
	}
}

// accessible fails if axe finds something serious.
func (p *page) accessible() {
	p.t.Helper()
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		p.t.Fatal(err)
	}
	p.do(chromedp.Evaluate[chromedp.Void](string(axe)))
	eval[any](p, `new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(0))))`) // axe wants a page that stays as it is
	found := eval[[]string](p, `axe.run().then((r) => r.violations.filter((v) => v.impact === "serious" || v.impact === "critical")
		.map((v) => v.id + ": " + v.help + "\n" + v.nodes.map((n) => "\t" + n.html.slice(0, 200) + " " + (n.any.concat(n.all)[0] || {}).message).join("\n")))`)
	if len(found) > 0 {
		p.t.Errorf("axe finds:\n%s", strings.Join(found, "\n"))
	}
}

// picture writes a picture of the whole page, if pictures are asked for.
func (p *page) picture(name string) {
	p.t.Helper()
	if *pictures == "" {
		return
	}
	shot, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	must(p.t, err)
	must(p.t, os.WriteFile(filepath.Join(*pictures, name+".png"), small(p.t, shot), 0o666))
}

// small is a picture with the colours that are most frequent, which takes a third.
func small(t *testing.T, shot []byte) []byte {
	t.Helper()
	from, err := png.Decode(bytes.NewReader(shot))
	must(t, err)
	counts := map[color.Color]int{}
	for y := range from.Bounds().Dy() {
		for x := range from.Bounds().Dx() {
			counts[from.At(x, y)]++
		}
	}
	palette := slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	to := image.NewPaletted(from.Bounds(), palette[:min(len(palette), 256)])
	draw.Draw(to, to.Bounds(), from, image.Point{}, draw.Src)
	var b bytes.Buffer
	must(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, to))
	return b.Bytes()
}
