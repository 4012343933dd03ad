package traefik

// Formats of an access log.
const (
	formatAuto = "auto"
	formatJSON = "json"
	formatCLF  = "clf"
)

// absent marks a number the line does not carry.
const absent = -1

// A request is one line of the access log. Its byte slices point into the line
// or into the parser's scratch space and live until the next parse.
type request struct {
	Start          int64 // Unix nanoseconds, 0 when unknown
	Duration       int64 // nanoseconds
	OriginDuration int64 // nanoseconds
	Status         int64 // 0 for a hijacked connection
	OriginStatus   int64 // 0 when no origin answered
	Size           int64 // bytes sent to the client
	BodySize       int64 // bytes received from the client
	ContentLength  int64 // bytes the client announced, when headers are logged
	Retries        int64
	Count          int64 // order of arrival since Traefik started
	Service        bool  // a service was chosen
	Method         []byte
	Path           []byte // without query
	Host           []byte
	Agent          []byte
}

func (r *request) reset() {
	*r = request{
		Duration: absent, OriginDuration: absent, Status: absent, OriginStatus: absent, Size: absent,
		BodySize: absent, ContentLength: absent, Retries: absent, Count: absent,
	}
}

// What a line turned out to be.
type lineKind uint8

const (
	unparsed lineKind = iota
	parsed
	// plain is a line of genericCLF: it has a path and a status, but neither
	// duration nor router nor number.
	plain
	// statusless is a line of Traefik 2's common format about a request that no
	// server behind it answered: it has a dash where the status would be.
	statusless
)

// A parser turns lines into requests without allocating. It is not safe for
// concurrent use.
type parser struct {
	format  string
	req     request
	scratch []byte // unescaped strings of the current line
	layout  layout
	clock   clock
}

func newParser(format string) *parser {
	return &parser{format: format, scratch: make([]byte, 0, 4096)}
}

// parse fills p.req from one line without its newline. Unparsed is a line that
// is not of the format, or lacks status, duration or path.
func (p *parser) parse(line []byte) lineKind {
	p.req.reset()
	p.scratch = p.scratch[:0]
	format := p.format
	if format == formatAuto {
		format = formatCLF
		if len(line) > 0 && line[0] == '{' {
			format = formatJSON
		}
	}
	var kind lineKind
	if format == formatCLF {
		kind = p.scanCLF(line)
	} else if p.scanJSON(line) && p.req.Duration >= 0 && p.req.Status >= 0 {
		kind = parsed
	}
	if p.req.Path = withoutQuery(p.req.Path); len(p.req.Path) == 0 {
		return unparsed
	}
	return kind
}

func withoutQuery(path []byte) []byte {
	for i, c := range path {
		if c == '?' || c == '#' {
			return path[:i]
		}
	}
	return path
}
