package app

import (
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"github.com/closewatch/closewatch/internal/collector"
)

// exposition serves what is published: as text from what was written before, for
// those who ask for another format, or for some metrics only, as promhttp does.
//
// It compresses at the quickest level: at promhttp's, five thousand series took
// several times what gathering and writing them does, and the answer is read once.
func exposition(e *collector.Exposition, w http.ResponseWriter, r *http.Request) {
	if !acceptsGzip(r.Header.Values("Accept-Encoding")) {
		write(e, w, r)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Add("Vary", "Accept-Encoding")
	packer := packers.Get().(*gzip.Writer)
	defer packers.Put(packer)
	packer.Reset(w)
	p := packed{w, packer}
	write(e, p, r)
	if p.packs() {
		_ = packer.Close() // the reader may be gone
	}
}

// write writes the exposition in the format that is asked for.
func write(e *collector.Exposition, w http.ResponseWriter, r *http.Request) {
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultAcceptedFormats()...)
	if format.FormatType() != expfmt.TypeTextPlain || r.URL.Query().Has("name[]") || e.Empty() {
		promhttp.HandlerFor(e, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, DisableCompression: true}).ServeHTTP(w, r)
		return
	}
	w.Header().Add("Vary", "Accept")
	w.Header().Set("Content-Type", string(format))
	_ = e.WriteText(w, format.ToEscapingScheme()) // what can be had is served
}

// packers are compressors to be used again: one is a megabyte.
var packers = sync.Pool{New: func() any {
	packer, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is the package's own
	}
	return packer
}}

// packed is an answer that is compressed on its way.
type packed struct {
	http.ResponseWriter
	packer *gzip.Writer
}

// Write implements http.ResponseWriter.
func (p packed) Write(b []byte) (int, error) {
	if p.packs() {
		return p.packer.Write(b)
	}
	return p.ResponseWriter.Write(b)
}

// packs is false once there is an error to tell instead: promhttp takes the
// encoding back then.
func (p packed) packs() bool { return p.Header().Get("Content-Encoding") != "" }

// acceptsGzip reads Accept-Encoding: names, each with what it is worth; 0 forbids.
func acceptsGzip(values []string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			name, worth, _ := strings.Cut(part, ";")
			if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
				continue
			}
			q, given := strings.CutPrefix(strings.TrimSpace(worth), "q=")
			n, err := strconv.ParseFloat(q, 64)
			return !given || err == nil && n > 0
		}
	}
	return false
}
