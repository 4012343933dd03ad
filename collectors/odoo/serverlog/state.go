package serverlog

// A state is what was counted, as it is kept and published: by names, so that
// a later version that knows more of them can go on with it.
type state struct {
	Lines   lineCounts              `json:"lines"`
	Kills   map[string]uint64       `json:"kills,omitempty"`
	Tenants map[string]*tenantState `json:"tenants,omitempty"`
	Format  string                  `json:"format,omitempty"`  // in which the log was found to be
	Pending *pending                `json:"pending,omitempty"` // a record whose lines may go on
	recent  recentCounts
}

// lineCounts count the log itself.
type lineCounts struct {
	Records   uint64 `json:"records"`
	Continued uint64 `json:"continued"` // further lines of records
	Wrapping  uint64 `json:"wrapping"`  // lines of the envelope that carry no text
	Unparsed  uint64 `json:"unparsed"`  // lines before the first record, or of no record
	Last      int64  `json:"last"`      // time of the last record, Unix nanoseconds
}

// A tenantState is what was counted for one tenant.
type tenantState struct {
	Events     map[string]uint64            `json:"events,omitempty"`
	Conflicts  map[string]map[string]uint64 `json:"conflicts,omitempty"` // by outcome and cause
	PDFs       map[string]uint64            `json:"pdfs,omitempty"`
	Actions    map[string]uint64            `json:"actions,omitempty"`
	Errors     []errorCount                 `json:"errors,omitempty"`
	Operations map[string]operationCount    `json:"operations,omitempty"`
}

type errorCount struct {
	Addon     string `json:"addon"`
	Exception string `json:"exception"`
	Count     uint64 `json:"count"`
}

// buckets is how many finite buckets a histogram has.
const buckets = 11

// bounds are their upper bounds in seconds: those of the access log's, which
// latency objectives use.
var bounds = [buckets]float64{0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60}

// Buckets are the upper bounds, in seconds, of the histogram of requests.
func Buckets() []float64 { return bounds[:] }

// An operationCount is what the requests of one operation cost.
type operationCount struct {
	Buckets [buckets + 1]uint64 `json:"buckets"` // the last is +Inf
	Seconds float64             `json:"seconds"`
	SQL     float64             `json:"sql"` // of the seconds
	Queries uint64              `json:"queries"`
	Slow    uint64              `json:"slow"`
}

func (o *operationCount) observe(seconds float64) {
	i := 0
	for i < buckets && seconds > bounds[i] {
		i++
	}
	o.Buckets[i]++
	o.Seconds += seconds
}

// cumulative returns the count at or below each bound, and of all.
func (o *operationCount) cumulative() (below map[float64]uint64, all uint64) {
	below = make(map[float64]uint64, buckets)
	for i, bound := range bounds {
		all += o.Buckets[i]
		below[bound] = all
	}
	return below, all + o.Buckets[buckets]
}
