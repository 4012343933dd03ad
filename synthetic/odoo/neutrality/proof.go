package neutrality

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Verdict is what a proof shows.
type Verdict string

// Verdicts.
const (
	Neutral    Verdict = "neutral"     // no real company's books hold anything of the prober's
	NotNeutral Verdict = "not-neutral" // some do, or could: the reasons say which
	Unknown    Verdict = "unknown"     // it could not be told: the reasons say why
)

// A Company is what the books of one company say.
type Company struct {
	ID        int64 `json:"company"`
	Synthetic bool  `json:"synthetic,omitempty"`
	Reachable bool  `json:"reachable"` // the prober's user may enter it

	Entries  int64  `json:"entries"`
	Items    int64  `json:"items"`
	Payments int64  `json:"payments"`
	Numbers  string `json:"numbers,omitempty"`  // SHA-256 of count and last number by journal and prefix; "" without entries
	Balances string `json:"balances,omitempty"` // SHA-256 of debit and credit by account; "" without entries

	Own             Own    `json:"own"` // of these, the prober's
	NumbersWithout  string `json:"numbers_without,omitempty"`
	BalancesWithout string `json:"balances_without,omitempty"`
}

// Own counts the prober's records.
type Own struct {
	Entries  int64 `json:"entries"`
	Items    int64 `json:"items"`
	Payments int64 `json:"payments"`
	Matches  int64 `json:"matches"`
}

// Total is how many records there are.
func (o Own) Total() int64 { return o.Entries + o.Items + o.Payments + o.Matches }

// A Proof is what was found at one instant, and the one before it.
type Proof struct {
	At        time.Time `json:"at"` // by the database's clock; ours when it was not asked
	Verdict   Verdict   `json:"verdict"`
	Reasons   []string  `json:"reasons,omitempty"` // of a verdict other than Neutral, for people
	Hint      string    `json:"hint,omitempty"`
	Prober    int64     `json:"prober,omitempty"` // id of the prober's user
	Companies []Company `json:"companies,omitempty"`
	Before    *Before   `json:"before,omitempty"`
}

// Before is what the last conclusive proof found.
type Before struct {
	At        time.Time `json:"at"`
	Companies []Company `json:"companies"`
}

// Conclusive reports whether the proof shows something.
func (p Proof) Conclusive() bool { return p.Verdict == Neutral || p.Verdict == NotNeutral }

// Foreign counts the prober's records in real companies.
func (p Proof) Foreign() Own {
	var sum Own
	for _, c := range p.Companies {
		if !c.Synthetic {
			sum.Entries += c.Own.Entries
			sum.Items += c.Own.Items
			sum.Payments += c.Own.Payments
			sum.Matches += c.Own.Matches
		}
	}
	return sum
}

// Company returns what was found of one company, if anything was.
func (b *Before) Company(id int64) (Company, bool) {
	if b == nil {
		return Company{}, false
	}
	i := slices.IndexFunc(b.Companies, func(c Company) bool { return c.ID == id })
	if i < 0 {
		return Company{}, false
	}
	return b.Companies[i], true
}

// judge decides what the companies show. others says that the prober's user is
// allowed to enter more than the synthetic company.
func (p *Proof) judge(others bool) {
	p.Verdict = Neutral
	synthetic := false
	for _, c := range p.Companies {
		synthetic = synthetic || c.Synthetic
		if !c.Synthetic {
			p.Reasons = append(p.Reasons, c.objections(others)...)
		}
	}
	if !synthetic {
		p.Verdict, p.Reasons = Unknown, []string{"the synthetic company is not in this database"}
		p.Hint = "correct synthetic.company"
		return
	}
	if len(p.Reasons) > 0 {
		p.Verdict, p.Hint = NotNeutral, "pause the prober (closewatch probe pause) and search journal entries of these companies for closewatch-probe/"
	}
}

// objections says what of the prober is in the books of a real company.
func (c Company) objections(others bool) []string {
	var out []string
	object := func(format string, args ...any) {
		out = append(out, fmt.Sprintf("company %d: ", c.ID)+fmt.Sprintf(format, args...))
	}
	if c.Own.Total() > 0 {
		object("%s of the prober's", c.Own)
	}
	if c.Balances != c.BalancesWithout {
		object("its trial balance is not what it would be without the prober")
	}
	if c.Numbers != c.NumbersWithout {
		object("the prober holds numbers of its journals")
	}
	if c.Reachable && !others {
		object("the prober's user may enter it")
	}
	return out
}

// String lists what there is: "1 entry, 2 items".
func (o Own) String() string {
	var parts []string
	for _, k := range []struct {
		n         int64
		one, many string
	}{{o.Entries, "entry", "entries"}, {o.Items, "item", "items"}, {o.Payments, "payment", "payments"}, {o.Matches, "match", "matches"}} {
		switch k.n {
		case 0:
		case 1:
			parts = append(parts, "1 "+k.one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", k.n, k.many))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
