package web

import (
	"bytes"
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// newMarkdown reads what runbooks are written in: headings, lists, code, links
// and emphasis. Tags are not among it: they come out as the text they are.
func newMarkdown() goldmark.Markdown {
	return goldmark.New(goldmark.WithParser(parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewListParser(), 1),
			util.Prioritized(parser.NewListItemParser(), 2),
			util.Prioritized(parser.NewATXHeadingParser(parser.WithAutoHeadingID()), 3),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 4),
			util.Prioritized(parser.NewParagraphParser(), 5),
		),
		parser.WithInlineParsers(
			util.Prioritized(parser.NewCodeSpanParser(), 1),
			util.Prioritized(parser.NewLinkParser(), 2),
			util.Prioritized(parser.NewEmphasisParser(), 3),
		),
	)))
}

// A document is a runbook as HTML.
type document struct {
	Title    string
	Sections []section
	HTML     template.HTML
}

// A section is one of a document's second headings.
type section struct{ ID, Title string }

// A group is runbooks that are about the same sort of thing.
type group struct {
	Title    string
	Runbooks []Runbook
}

func (h *handler) runbooksPage(w http.ResponseWriter, _ *http.Request) {
	p := h.page("Runbooks", nil)
	p.Section, p.Estate = "runbooks", h.Source.Status().Estate
	groups := []group{{Title: "Finance processes"}, {Title: "Systems, books and monitoring"}}
	all := slices.SortedFunc(slices.Values(h.Source.Runbooks()), func(a, b Runbook) int { return cmp.Compare(a.Title(), b.Title()) })
	for _, b := range all {
		if b.Process {
			groups[0].Runbooks = append(groups[0].Runbooks, b)
		} else {
			groups[1].Runbooks = append(groups[1].Runbooks, b)
		}
	}
	for _, g := range groups {
		if len(g.Runbooks) > 0 {
			p.Runbooks = append(p.Runbooks, g)
		}
	}
	h.render(w, http.StatusOK, "runbooks", p)
}

func (h *handler) runbookPage(w http.ResponseWriter, r *http.Request) {
	b, ok := h.Source.Runbook(r.PathValue("name"))
	if !ok {
		h.message(w, http.StatusNotFound, "There is no runbook of this name.")
		return
	}
	p := h.page(b.Title(), nil)
	p.Section, p.Estate = "runbooks", h.Source.Status().Estate
	doc, err := h.document(p, b)
	if err != nil {
		h.message(w, http.StatusInternalServerError, "This runbook could not be written.")
		return
	}
	p.Runbook = doc
	h.render(w, http.StatusOK, "runbook", p)
}

// Title is the runbook's first heading, or its name.
func (b Runbook) Title() string {
	first, _, _ := strings.Cut(b.Text, "\n")
	if title, ok := strings.CutPrefix(first, "# "); ok {
		return title
	}
	return b.Name
}

// document turns a runbook into HTML. Its links to other runbooks lead to their
// pages; one that leads neither there nor to the web is plain text, and so is
// what an image would be called.
func (h *handler) document(p page, b Runbook) (document, error) {
	doc := document{Title: b.Title()}
	source := []byte(b.Text)
	root := h.markdown.Parser().Parse(text.NewReader(source))
	var plain []ast.Node
	err := ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			if id, ok := n.AttributeString("id"); ok && n.Level == 2 {
				doc.Sections = append(doc.Sections, section{ID: string(id.([]byte)), Title: words(n, source)})
			}
		case *ast.Link:
			to := h.target(p, string(n.Destination))
			n.Destination = []byte(to)
			if to == "" {
				plain = append(plain, n)
			}
		case *ast.Image:
			plain = append(plain, n)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return document{}, err
	}
	for _, n := range plain {
		for child := n.FirstChild(); child != nil; child = n.FirstChild() {
			n.Parent().InsertBefore(n.Parent(), n, child)
		}
		n.Parent().RemoveChild(n.Parent(), n)
	}
	var out bytes.Buffer
	if err := h.markdown.Renderer().Render(&out, source, root); err != nil {
		return document{}, err
	}
	doc.HTML = template.HTML(out.String()) // all that newMarkdown does not read has been escaped
	return doc, nil
}

// target is where a link of a runbook leads; "" when it may not.
func (h *handler) target(p page, to string) string {
	if name, ok := strings.CutSuffix(to, ".md"); ok {
		if _, known := h.Source.Runbook(name); known {
			return p.RunbookURL(name)
		}
		return ""
	}
	return p.Safe(to)
}

// words is the text of a heading.
func words(heading ast.Node, source []byte) string {
	var b strings.Builder
	for n := heading.FirstChild(); n != nil; n = n.NextSibling() {
		if t, ok := n.(*ast.Text); ok {
			b.Write(t.Value(source))
		}
	}
	return b.String()
}

// RunbookURL returns the address of a runbook's page.
func (p page) RunbookURL(name string) string { return p.base + "/runbooks/" + url.PathEscape(name) }
