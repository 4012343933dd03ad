package odoo

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
	"testing"
)

// A document with a page of its own for each of n, written as Qt writes it.
func plainPDF(n int) string {
	var b strings.Builder
	b.WriteString("%PDF-1.4\n1 0 obj\n<< /Type /Pages /Count 900 >>\nendobj\n")
	for i := range n {
		fmt.Fprintf(&b, "%d 0 obj\n<<\n/Type /Page\n/Parent 1 0 R\n>>\nendobj\n", 10+2*i)
		fmt.Fprintf(&b, "%d 0 obj\n<< /Length 12 >>\nstream\n/Type /Page \nendstream\nendobj\n", 11+2*i)
	}
	return b.String() + "trailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"
}

// A document whose objects are compressed, as PDF 1.5 allows.
func packedPDF(n int) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write([]byte(strings.Repeat("<</Type/Page/Parent 1 0 R>>", n) + "<</Type/Pages>>"))
	_ = z.Close()
	return "%PDF-1.5\n1 0 obj\n<</Type/ObjStm/Filter/FlateDecode>>\nstream\r\n" + b.String() + "\nendstream\nendobj\n%%EOF"
}

func TestCountPages(t *testing.T) {
	tests := map[string]struct {
		pdf   string
		pages int
		err   string
	}{
		"a page":                          {plainPDF(1), 1, ""},
		"two hundred pages":               {plainPDF(200), 200, ""},
		"no page, whatever the tree says": {plainPDF(0), 0, ""},
		"compressed objects":              {packedPDF(7), 7, ""},
		"objects that cannot be read":     {strings.Replace(packedPDF(7), "stream\r\n", "stream\r\nxx", 1), 0, ""},
		"a stream without an end":         {"%PDF-1.4 /Type/Page stream %%EOF", 1, ""},
		"something after the end":         {plainPDF(2) + strings.Repeat(" ", 500), 2, ""},
		"nothing":                         {"", 0, "the document is empty"},
		"a web page":                      {"<!DOCTYPE html><html>%%EOF", 0, "the document is not a PDF"},
		"half of it":                      {plainPDF(200)[:9000], 0, "the document is cut off"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n, err := countPages([]byte(tt.pdf))
			if n != tt.pages || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("countPages() = %d, %v; want %d, %s", n, err, tt.pages, tt.err)
			}
		})
	}
}

func FuzzCountPages(f *testing.F) {
	for _, seed := range []string{plainPDF(2), packedPDF(2), "", "%PDF-%%EOF", "%PDF-stream\nendstream /ObjStm stream endstream%%EOF"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, pdf []byte) {
		if n, err := countPages(pdf); n < 0 || n > 0 && err != nil {
			t.Errorf("countPages() = %d, %v", n, err)
		}
	})
}
