package collector

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// A part is families that were gathered together and do not change any more. What
// an exposition needs of them is made once, when one first asks: a slow task's
// results are served many times.
type part struct {
	families []*dto.MetricFamily
	once     sync.Once
	blocks   []*block
}

// sorted is the families, the metrics of each by labels.
func (p *part) sorted() []*block {
	p.once.Do(func() {
		p.blocks = make([]*block, 0, len(p.families))
		for _, mf := range p.families {
			p.blocks = append(p.blocks, newBlock(mf))
		}
	})
	return p.blocks
}

// A block is one family of a part, with its text once somebody has asked for it.
type block struct {
	family *dto.MetricFamily // its metrics are sorted
	unique bool              // each of its series is there once

	once   sync.Once
	text   []byte // HELP, TYPE and the samples
	legacy bool   // no name in it needs escaping for anybody
	err    error  // why there is no text
}

func newBlock(mf *dto.MetricFamily) *block {
	if ascending(mf.Metric) {
		return &block{family: mf, unique: true}
	}
	metrics := slices.Clone(mf.Metric)
	slices.SortStableFunc(metrics, compareLabels)
	return &block{family: bare(mf, metrics), unique: ascending(metrics)}
}

// write makes the text.
func (b *block) write() error {
	b.once.Do(func() {
		var out bytes.Buffer
		if _, b.err = expfmt.MetricFamilyToText(&out, b.family); b.err == nil {
			b.text, b.legacy = bytes.Clone(out.Bytes()), legacy(b.family)
		}
	})
	return b.err
}

// legacy reports whether the names of a family are such as every reader takes.
func legacy(mf *dto.MetricFamily) bool {
	if !model.LegacyValidation.IsValidMetricName(mf.GetName()) {
		return false
	}
	for _, m := range mf.Metric {
		for _, l := range m.Label {
			if !model.LegacyValidation.IsValidMetricName(l.GetName()) {
				return false
			}
		}
	}
	return true
}

// WriteText writes the exposition in the text format, as expfmt does family by
// family, and mostly from what was written before. A family that cannot be
// written is left out and named in the error.
func (e *Exposition) WriteText(w io.Writer, escaping model.EscapingScheme) error {
	var first error
	for _, m := range e.families {
		text, err := m.text(escaping)
		if err != nil {
			first = join(first, fmt.Errorf("write %s: %w", m.family().GetName(), err))
			continue
		}
		if _, err := w.Write(text); err != nil {
			return join(first, err)
		}
	}
	return first
}

// text is the family's lines.
func (m *merged) text(escaping model.EscapingScheme) ([]byte, error) {
	escaped := false
	for _, b := range m.blocks {
		if err := b.write(); err != nil {
			return nil, err
		}
		escaped = escaped || !b.legacy && escaping != model.NoEscaping
	}
	switch {
	case escaped:
		var out bytes.Buffer
		_, err := expfmt.MetricFamilyToText(&out, model.EscapeMetricFamily(m.whole(), escaping))
		return out.Bytes(), err
	case m.steps == nil:
		return m.blocks[0].text, nil
	default:
		return m.interleaved(), nil
	}
}

// interleaved puts the text together from that of the blocks.
func (m *merged) interleaved() []byte {
	size := 0
	rest := make([][]byte, len(m.blocks))
	for i, b := range m.blocks {
		rest[i] = b.text[b.header():]
		size += len(b.text)
	}
	out := append(make([]byte, 0, size), m.blocks[0].text[:m.blocks[0].header()]...)
	next := make([]int, len(m.blocks))
	for _, s := range m.steps {
		b := m.blocks[s.block]
		end := lines(rest[s.block], seriesOf(b.family.GetType(), b.family.Metric[next[s.block]]))
		if !s.twice {
			out = append(out, rest[s.block][:end]...)
		}
		rest[s.block] = rest[s.block][end:]
		next[s.block]++
	}
	return out
}

// header is how long the lines of HELP and TYPE are.
func (b *block) header() int {
	if b.family.Help == nil {
		return lines(b.text, 1)
	}
	return lines(b.text, 2)
}

// lines is how long the first n lines of text are: a label's value has no line of
// its own, it is escaped.
func lines(text []byte, n int) int {
	end := 0
	for range n {
		end += bytes.IndexByte(text[end:], '\n') + 1
	}
	return end
}
