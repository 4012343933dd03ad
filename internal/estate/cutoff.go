package estate

import (
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/calendar"
)

// A Cutoff is an instant up to which a bank or scheme takes work for a value
// date. It returns on every banking day.
type Cutoff struct {
	ID             string    `yaml:"id"`
	Title          string    `yaml:"title"` // told to people: "supplier payment cut-off"
	Process        string    `yaml:"process"`
	Entity         string    `yaml:"entity"` // empty: every entity
	At             ClockTime `yaml:"at"`
	Timezone       Zone      `yaml:"timezone"` // the bank's; the entity's when it names none
	Day            CutoffDay `yaml:"day"`      // value-0BD, the default, or banking days before the value or entry date
	Days           []Weekday `yaml:"days"`     // weekdays of the value dates that are used; every banking day when it names none
	Calendar       string    `yaml:"calendar"` // the bank's, by its name under days; or
	Currency       string    `yaml:"currency"` // the entity's bank calendar for it
	InternalMargin Duration  `yaml:"internalMargin"`
	Source         string    `yaml:"source"` // where the bank says so
}

// A CutoffDay is written value-0BD or entry-2BD.
type CutoffDay struct{ calendar.CutoffDay }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *CutoffDay) UnmarshalText(b []byte) (err error) {
	c.CutoffDay, err = calendar.ParseCutoffDay(string(b))
	return err
}

// maxMargin bounds how much earlier than the bank the house may be: at most the
// working day before.
const maxMargin = 48 * time.Hour

// Validate implements Validator.
func (c *Cutoff) Validate() []Problem {
	ps := idProblems(c.ID, "ap-cutoff")
	if c.Process == "" {
		ps = append(ps, Missing("process", "write the process that must be done by then, such as ap-bill-run"))
	}
	if !c.At.given {
		ps = append(ps, Missing("at", "write the time of day, such as \"17:00\""))
	}
	if c.Calendar != "" && c.Currency != "" {
		ps = append(ps, Problem{"currency", "is a second way to name the bank's calendar", "keep calendar or currency"})
	}
	if c.InternalMargin.D() > maxMargin {
		ps = append(ps, Problem{"internalMargin", "is longer than 2d", "write how much earlier work must be ready, such as 4h"})
	}
	return ps
}

// weekdays are the weekdays of the value dates that are used; nil is all.
func (c *Cutoff) weekdays() []time.Weekday {
	var out []time.Weekday
	for _, d := range c.Days {
		out = append(out, time.Weekday(d))
	}
	return out
}

// A Deadline is due by a rule: the filing of a return, the payment of wages.
type Deadline struct {
	ID       string              `yaml:"id"`
	Title    string              `yaml:"title"` // told to people: "UK VAT return"
	Process  string              `yaml:"process"`
	Entity   string              `yaml:"entity"` // empty: every entity
	Rule     DueRule             `yaml:"rule"`
	At       ClockTime           `yaml:"at"`       // the end of the day when it names none
	Timezone Zone                `yaml:"timezone"` // the entity's when it names none
	Adjust   calendar.Convention `yaml:"adjust"`
	Calendar string              `yaml:"calendar"` // that business days are counted in; the entity's close calendar when it names none
	Source   string              `yaml:"source"`
}

// SetDefaults implements Defaulter.
func (dl *Deadline) SetDefaults() { dl.At, dl.Adjust = ClockTime{24, 0, true}, calendar.None }

// Validate implements Validator.
func (dl *Deadline) Validate() []Problem {
	ps := idProblems(dl.ID, "vat-uk")
	if dl.Process == "" {
		ps = append(ps, Missing("process", "write the process that must be done by then, such as statutory-reporting"))
	}
	if dl.Rule.Base == "" {
		ps = append(ps, Missing("rule", "write when it is due, such as month_end + 15 days; what returns every banking day belongs under cutoffs"))
	}
	if p, bad := OneOf("adjust", dl.Adjust, calendar.None, calendar.Preceding, calendar.Following, calendar.ModifiedFollowing); bad {
		ps = append(ps, p)
	}
	return ps
}

// A DueRule is written quarter_end + 1 month + 7 days.
type DueRule struct{ calendar.DueRule }

// decodeNode implements custom: a mistake is placed at the word that is wrong.
func (r *DueRule) decodeNode(d *decoder, n node, path string) {
	if n.shape == mapping || n.shape == sequence || n.shape == null {
		d.mistake(n.at, path, "is "+n.shape.String(), "write a rule such as month_end + 15 days")
		return
	}
	if n.shape == text && d.plain(n, path) == "" && n.text != "" {
		return // said already
	}
	rule, err := calendar.ParseDueRule(n.text)
	wrong, bad := errors.AsType[*calendar.RuleError](err)
	if !bad {
		r.DueRule = rule
		return
	}
	at := n.at
	at.column += utf8.RuneCountInString(n.text[:wrong.Offset])
	if n.quoted {
		at.column++
	}
	d.mistake(at, path, clip(wrong.What), wrong.Remedy)
}

// currencies are written as ISO 4217 does.
var currencies = regexp.MustCompile(`^[A-Z]{3}$`)

func currencyProblem(field, currency string) (Problem, bool) {
	return Problem{field, fmt.Sprintf("is not a currency: %q", clip(currency)), "write three capital letters, such as EUR"}, !currencies.MatchString(currency)
}
