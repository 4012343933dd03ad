package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/web"
)

// article is the part of a page that a runbook's Markdown became.
func article(t *testing.T, text string) string {
	t.Helper()
	e := estate{runbooks: append(shelf(), web.Runbook{Name: "own", Text: text})}
	h := web.New(web.Settings{Source: e, Now: func() time.Time { return now }, BasePath: "/closewatch"})
	res, body := get(t, h, http.MethodGet, "/closewatch/runbooks/own")
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
	_, rest, _ := strings.Cut(body, `<article class="runbook">`)
	inner, _, ok := strings.Cut(rest, "</article>")
	if !ok {
		t.Fatalf("the page has no article:\n%s", body)
	}
	return strings.TrimSpace(inner)
}

func TestMarkdownOfRunbooks(t *testing.T) {
	tests := map[string]struct{ markdown, html string }{
		"a link to a runbook":          {"[base](database.md)", `<p><a href="/closewatch/runbooks/database">base</a></p>`},
		"a link to none":               {"[stars](astrology.md)", `<p>stars</p>`},
		"a link out of the runbooks":   {"[up](../database.md)", `<p>up</p>`},
		"a link to the web":            {"[notes](https://wiki.example.com/a?b=c)", `<p><a href="https://wiki.example.com/a?b=c">notes</a></p>`},
		"a link to a page of ours":     {"[all](/incidents)", `<p><a href="/closewatch/incidents">all</a></p>`},
		"a link to a script":           {"[go](javascript:alert(1)) on", `<p>go on</p>`},
		"a link to data":               {"[go](data:text/html,x)", `<p>go</p>`},
		"a link without a scheme":      {"[go](//evil.example.com)", `<p>go</p>`},
		"an image is not fetched":      {"![the *plan*](https://evil.example.com/x.png)", `<p>the <em>plan</em></p>`},
		"an image in a link":           {"[![plan](x.png)](https://wiki.example.com)", `<p><a href="https://wiki.example.com">plan</a></p>`},
		"a tag is text":                {"use <name>.xlsx", `<p>use &lt;name&gt;.xlsx</p>`},
		"a block of tags is text":      {"<script>\nalert(1)\n</script>", "<p>&lt;script&gt;\nalert(1)\n&lt;/script&gt;</p>"},
		"a tag in code":                {"`<b>`", `<p><code>&lt;b&gt;</code></p>`},
		"a template is text":           {"{{.}}", `<p>{{.}}</p>`},
		"a heading has an address":     {"## Do not\n", `<h2 id="do-not">Do not</h2>`},
		"numbers of tables keep lines": {"an account_move_line", `<p>an account_move_line</p>`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := article(t, tt.markdown); got != tt.html {
				t.Errorf("%q became\n%s\nwant\n%s", tt.markdown, got, tt.html)
			}
		})
	}
}

// Every runbook that is shipped is a page whose links all lead to pages.
func TestEveryRunbookIsAPage(t *testing.T) {
	h := serve(healthy())
	_, index := get(t, h, http.MethodGet, "/runbooks")
	links := regexp.MustCompile(`<a href="([^"#]*)(#[^"]*)?"`)
	for _, b := range shelf() {
		if !strings.Contains(index, `<a href="/runbooks/`+b.Name+`">`+b.Title()+`</a>`) {
			t.Errorf("%s is not on the list of runbooks", b.Name)
		}
		res, body := get(t, h, http.MethodGet, "/runbooks/"+b.Name)
		if res.StatusCode != http.StatusOK || !strings.Contains(body, ">"+b.Title()+"</h1>") {
			t.Errorf("%s: status %d, or without its title", b.Name, res.StatusCode)
		}
		for _, m := range links.FindAllStringSubmatch(body, -1) {
			if m[2] != "" && !strings.Contains(body, `id="`+m[2][1:]+`"`) {
				t.Errorf("%s: %s leads to no section", b.Name, m[2])
			}
			if m[1] == "" {
				continue
			}
			if res, _ := get(t, h, http.MethodGet, m[1]); res.StatusCode != http.StatusOK {
				t.Errorf("%s: %s leads nowhere", b.Name, m[1])
			}
		}
		if strings.Contains(body, ".md\"") || strings.Contains(body, "raw HTML omitted") {
			t.Errorf("%s: a link was not resolved, or something was left out", b.Name)
		}
	}
}
