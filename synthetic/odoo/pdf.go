package odoo

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"regexp"
)

// pageObject is the type of a page in a PDF; that of the tree of pages ends in s.
var pageObject = regexp.MustCompile(`/Type\s*/Page\b`)

// maxObjects bounds how much of the compressed objects of a PDF is looked at, in
// bytes.
const maxObjects = 32 << 20

// Where a PDF has its parts (ISO 32000-1, sections 7.3.8 and 7.5).
var (
	pdfHeader    = []byte("%PDF-")
	pdfEnd       = []byte("%%EOF")
	beginsStream = []byte("stream")
	endsStream   = []byte("endstream")
	ofObjects    = []byte("/ObjStm")
)

// maxTrailer is how far from its end a PDF may have its end mark, in bytes.
const maxTrailer = 1024

// countPages counts the pages that a PDF holds: the page objects themselves, not
// what the document says about their number, so that one which was cut off is
// not believed.
func countPages(pdf []byte) (int, error) {
	switch {
	case len(pdf) == 0:
		return 0, errors.New("the document is empty")
	case !bytes.HasPrefix(pdf, pdfHeader):
		return 0, errors.New("the document is not a PDF")
	case !bytes.Contains(pdf[max(0, len(pdf)-maxTrailer):], pdfEnd):
		return 0, errors.New("the document is cut off")
	}
	pages := 0
	for {
		plain, stream, rest, found := nextStream(pdf)
		pages += len(pageObject.FindAllIndex(plain, -1))
		if !found {
			return pages, nil
		}
		if dictionary := plain[max(0, bytes.LastIndex(plain, []byte(" obj"))):]; bytes.Contains(dictionary, ofObjects) {
			pages += len(pageObject.FindAllIndex(inflate(stream), -1))
		}
		pdf = rest
	}
}

// nextStream returns what stands before the next stream, the stream and what
// follows it.
func nextStream(pdf []byte) (plain, stream, rest []byte, found bool) {
	plain, after, found := bytes.Cut(pdf, beginsStream)
	if !found {
		return pdf, nil, nil, false
	}
	stream, rest, found = bytes.Cut(after, endsStream)
	return plain, bytes.TrimLeft(stream, "\r\n"), rest, found
}

// inflate returns what of a compressed stream can be read.
func inflate(stream []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(stream))
	if err != nil {
		return nil // compressed otherwise
	}
	out, _ := io.ReadAll(io.LimitReader(z, maxObjects)) // as far as it goes
	return out
}
