package prometheus

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/estate"
)

// A Query is one expression and how its value is judged.
type Query struct {
	Name  string `yaml:"name"`  // becomes a label and part of the signal's name
	Query string `yaml:"query"` // PromQL that gives a scalar or an instant vector
	Unit  string `yaml:"unit"`  // seconds, bytes, ratio (0 to 1) or a short word; none
	Title string `yaml:"title"` // for people: "Disk of the database server has room"; the name
	// Warning and Critical are the thresholds, of which there is at least one.
	Warning   *float64        `yaml:"warning"`
	Critical  *float64        `yaml:"critical"`
	Direction Direction       `yaml:"direction"` // of what is bad: above or below the threshold; above
	For       estate.Duration `yaml:"for"`       // how long a worse state must hold; 0s
	Exit      float64         `yaml:"exit"`      // share of a threshold at which its state is left; see signal.Definition
	// Fresh is for how long a value counts; 5m, or three intervals if that is
	// longer.
	Fresh     estate.Duration `yaml:"fresh"`
	By        []string        `yaml:"by"`        // labels that make separate readings
	Aggregate Aggregate       `yaml:"aggregate"` // of series with equal By labels: max, min, sum or count; the worst
	Says      string          `yaml:"says"`      // what a bad reading tells, with {value}, {threshold}, {component} and the By labels
	Role      Role            `yaml:"role"`      // health of the component, or context: evidence only; health
	Partial   Partial         `yaml:"partial"`   // what an incomplete answer is: unknown, or of use; unknown
}

// A Direction says on which side of a threshold values are bad.
type Direction string

// Directions.
const (
	Above Direction = "above"
	Below Direction = "below"
)

// An Aggregate makes one value of many.
type Aggregate string

// Aggregates.
const (
	Max   Aggregate = "max"
	Min   Aggregate = "min"
	Sum   Aggregate = "sum"
	Count Aggregate = "count"
)

// A Role is what a reading is for.
type Role string

// Roles.
const (
	Health  Role = "health"
	Context Role = "context"
)

// Partial is what is made of an answer that lacks some of the data.
type Partial string

// What an incomplete answer may be.
const (
	Unknown Partial = "unknown"
	Use     Partial = "use"
)

// Bounds of one query.
const (
	maxQuery = 4096 // bytes; they go into a URL
	maxTitle = 80   // characters
	maxSays  = 300  // characters
	maxUnit  = 20   // characters
	maxBy    = 4
	maxFor   = 24 * time.Hour
	maxFresh = time.Hour
)

var (
	// queryName is what may become a label value.
	queryName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)
	// labelName is a label of classic Prometheus that is not its own.
	labelName = regexp.MustCompile(`^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_]*$`)
)

// reserved lists the labels our metrics have in any case.
var reserved = []string{"component", "environment", "query", "tenant"}

// SetDefaults implements estate.Defaulter.
func (q *Query) SetDefaults() {
	q.Direction, q.Role, q.Partial = Above, Health, Unknown
}

// Validate implements estate.Validator. Whether the expression is one, only the
// server can say.
func (q *Query) Validate() []estate.Problem {
	var ps []estate.Problem
	bad := func(isBad bool, field, what, remedy string) {
		if isBad {
			ps = append(ps, estate.Problem{Field: field, What: what, Remedy: remedy})
		}
	}
	bad(!queryName.MatchString(q.Name), "name", "is not a short name", "use small letters, digits, dots and dashes, at most 63")
	bad(strings.TrimSpace(q.Query) == "", "query", "is missing", "write PromQL, such as min(node_filesystem_avail_bytes)")
	bad(len(q.Query) > maxQuery, "query", fmt.Sprintf("is longer than %d bytes", maxQuery), "make it a recording rule of the server and ask for that")
	bad(!plain(q.Title, maxTitle) || strings.ContainsAny(q.Title, "{}"), "title", "is not a short text", fmt.Sprintf("write at most %d characters on one line, without braces", maxTitle))
	bad(!plain(q.Unit, maxUnit), "unit", "is not a short word", "write seconds, bytes, ratio, or what is counted")
	bad(!plain(q.Says, maxSays), "says", "is not a sentence", fmt.Sprintf("write at most %d characters on one line", maxSays))
	bad(q.Exit < 0 || q.Exit > 1, "exit", "is not between 0 and 1", "write 0.9, or remove it")
	bad(q.For < 0 || q.For.D() > maxFor, "for", "is out of range", "write a duration up to 24h")
	bad(q.Fresh < 0 || q.Fresh.D() > maxFresh, "fresh", "is out of range", "write a duration up to 1h")
	ps = slices.Concat(ps, q.thresholdProblems(), q.byProblems(), q.choiceProblems())
	if len(ps) > 0 {
		return ps
	}
	// All else is right: what the definition still has against it is its text.
	if err := q.definition("", 0).Check(); err != nil {
		ps = append(ps, estate.Problem{Field: "says", What: "names what is not there", Remedy: "write {value}, {threshold}, {component}, {environment} or labels listed under by"})
	}
	return ps
}

func (q *Query) thresholdProblems() []estate.Problem {
	if q.Warning == nil && q.Critical == nil {
		return []estate.Problem{{What: "has no threshold", Remedy: "write warning, critical or both"}}
	}
	if q.Warning == nil || q.Critical == nil {
		return nil
	}
	if above := q.Direction == Above; above && *q.Critical < *q.Warning || q.Direction == Below && *q.Critical > *q.Warning {
		return []estate.Problem{{Field: "critical", What: "is reached before warning", Remedy: "exchange them, or write direction: " + string(q.opposite())}}
	}
	return nil
}

func (q *Query) opposite() Direction {
	if q.Direction == Above {
		return Below
	}
	return Above
}

func (q *Query) byProblems() []estate.Problem {
	var ps []estate.Problem
	if len(q.By) > maxBy {
		ps = append(ps, estate.Problem{Field: "by", What: fmt.Sprintf("lists more than %d labels", maxBy), Remedy: "keep those that people need to know which one it is"})
	}
	for i, label := range q.By {
		field := fmt.Sprintf("by[%d]", i)
		switch {
		case !labelName.MatchString(label):
			ps = append(ps, estate.Problem{Field: field, What: "is not the name of a label", Remedy: "write letters, digits and underscores, such as instance"})
		case slices.Contains(reserved, label):
			ps = append(ps, estate.Problem{Field: field, What: "is a label of our own", Remedy: "give it another name in the query, by label_replace"})
		case slices.Contains(q.By[:i], label):
			ps = append(ps, estate.Problem{Field: field, What: "is listed before", Remedy: "remove it"})
		}
	}
	return ps
}

func (q *Query) choiceProblems() []estate.Problem {
	var ps []estate.Problem
	if p, bad := estate.OneOf("direction", q.Direction, Above, Below); bad {
		ps = append(ps, p)
	}
	if q.Aggregate != "" {
		if p, bad := estate.OneOf("aggregate", q.Aggregate, Max, Min, Sum, Count); bad {
			ps = append(ps, p)
		}
	}
	if p, bad := estate.OneOf("role", q.Role, Health, Context); bad {
		ps = append(ps, p)
	}
	if p, bad := estate.OneOf("partial", q.Partial, Unknown, Use); bad {
		ps = append(ps, p)
	}
	return ps
}

// plain reports whether s is a text of one line that fits.
func plain(s string, most int) bool {
	return utf8.RuneCountInString(s) <= most && !strings.ContainsFunc(s, unicode.IsControl)
}

// freshness is for how long a value counts.
func (q *Query) freshness(interval time.Duration) time.Duration {
	if q.Fresh != 0 {
		return q.Fresh.D()
	}
	return max(lookback, 3*interval)
}

// worst makes one value of many: the one nearest to the bad side.
func (q *Query) worst(values []float64) float64 {
	if q.Direction == Below {
		return slices.Min(values)
	}
	return slices.Max(values)
}
