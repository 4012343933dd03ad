package estate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/calendar/ics"
)

// PlainDays is the name of the default calendar of an estate that declares
// none: Monday to Friday less calendar.holidays.
const PlainDays = "default"

// maxDayCalendars bounds the calendars of an estate: each is laid out for more
// than a century.
const maxDayCalendars = 100

// A DayCalendar says which days are worked. It starts from a rule, from an ICS
// file, from other calendars or from its own list of holidays, and says what is
// different.
type DayCalendar struct {
	Rule       string     `yaml:"rule"`       // the id of a rule that is built in, such as GB-ENG
	ICS        *ICSFile   `yaml:"ics"`        // a file of holidays
	Extends    []string   `yaml:"extends"`    // names of calendars here: a day is worked when all of them work
	Workweek   []Weekday  `yaml:"workweek"`   // that of what it starts from when it names none
	Add        []NamedDay `yaml:"add"`        // holidays; with nothing to start from, all there are
	Remove     []Date     `yaml:"remove"`     // holidays that are worked here
	HalfDays   []HalfDay  `yaml:"halfDays"`   // working days that end early
	AgreesWith string     `yaml:"agreesWith"` // a calendar that must have the same holidays as what this one starts from
	Title      string     `yaml:"title"`
	Source     string     `yaml:"source"`  // told to people: "HR circular 2026"
	Checked    Date       `yaml:"checked"` // when it was last compared with its source
	MaxAge     DayCount   `yaml:"maxAge"`  // how old that may be
	Reach      DayCount   `yaml:"reach"`   // how far ahead it must reach; 60d when it says nothing
}

// An ICSFile is a file of holidays (RFC 5545).
type ICSFile struct {
	File   string   `yaml:"file"`   // relative to the estate's file
	SHA256 string   `yaml:"sha256"` // in hex; another file is refused
	MaxAge DayCount `yaml:"maxAge"` // how old its newest entry's stamp, or checked, may be
}

// A NamedDay is a holiday.
type NamedDay struct {
	On   Date   `yaml:"on"`
	Name string `yaml:"name"`
}

// A HalfDay is a working day that ends early.
type HalfDay struct {
	On    Date      `yaml:"on"`
	Until ClockTime `yaml:"until"`
}

// A DayCount is a number of whole days, written 60d.
type DayCount int

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *DayCount) UnmarshalText(b []byte) error {
	var d Duration
	if err := d.UnmarshalText(b); err != nil || d.D() < 24*time.Hour || d.D()%(24*time.Hour) != 0 {
		return fmt.Errorf("is not a number of days: %q; write whole days such as 60d", b)
	}
	*n = DayCount(d.D() / (24 * time.Hour))
	return nil
}

// Validate implements Validator.
func (c *DayCalendar) Validate() []Problem {
	var ps []Problem
	starts := 0
	for _, has := range []bool{c.Rule != "", c.ICS != nil, len(c.Extends) > 0} {
		if has {
			starts++
		}
	}
	if starts > 1 {
		ps = append(ps, Problem{"", "starts from more than one of rule, ics and extends", "give each a calendar of its own and extend them"})
	}
	if starts == 0 && len(c.Add) == 0 {
		ps = append(ps, Problem{"", "has nothing to start from", "write rule: GB-ENG, ics: {file: bank.ics}, extends: [NAME] or add: [{on: 2026-12-25, name: Christmas Day}]"})
	}
	if c.Workweek != nil && len(c.Workweek) == 0 {
		ps = append(ps, Problem{"workweek", "has no day", "list the weekdays that are worked, or remove the key"})
	}
	for i, day := range c.Workweek {
		if slices.Contains(c.Workweek[:i], day) {
			ps = append(ps, Problem{fmt.Sprintf("workweek[%d]", i), "is listed twice", "keep one of the two"})
		}
	}
	for i, name := range c.Extends {
		if slices.Contains(c.Extends[:i], name) {
			ps = append(ps, Problem{fmt.Sprintf("extends[%d]", i), fmt.Sprintf("%q is listed twice", clip(name)), "keep one of the two"})
		}
	}
	if c.MaxAge > 0 && c.ICS != nil {
		ps = append(ps, Problem{"maxAge", "is that of the file", "write it under ics"})
	} else if c.MaxAge > 0 && c.Rule == "" && c.Checked.IsZero() {
		ps = append(ps, Problem{"maxAge", "has no date to count from", "write under checked when it was last compared with its source"})
	}
	return ps
}

// Validate implements Validator.
func (f *ICSFile) Validate() []Problem {
	var ps []Problem
	if f.File == "" {
		ps = append(ps, Missing("file", "write the file of holidays, relative to this one"))
	}
	if sum, err := hex.DecodeString(f.SHA256); f.SHA256 != "" && (err != nil || len(sum) != sha256.Size) {
		ps = append(ps, Problem{"sha256", "is not a SHA-256", "write 64 hexadecimal digits, as sha256sum prints them"})
	}
	return ps
}

// Validate implements Validator.
func (d *NamedDay) Validate() []Problem {
	var ps []Problem
	if d.On.IsZero() {
		ps = append(ps, Missing("on", "write the day, such as 2026-12-24"))
	}
	if d.Name == "" {
		ps = append(ps, Missing("name", "write what people call the day, such as company day"))
	}
	return ps
}

// Validate implements Validator.
func (d *HalfDay) Validate() []Problem {
	var ps []Problem
	if d.On.IsZero() {
		ps = append(ps, Missing("on", "write the day, such as 2026-12-24"))
	}
	if !d.Until.given {
		ps = append(ps, Missing("until", "write when work ends, such as \"14:00\""))
	}
	return ps
}

// DayCalendars returns the calendars of working days by name. Calendar.Default
// is always among them.
func (e *Estate) DayCalendars() map[string]*calendar.Days { return maps.Clone(e.days) }

// days makes the calendars and reports what is wrong with them.
func (c checker) days() {
	b := dayBuilder{
		checker: c, declared: c.e.Calendar.Days, made: map[string]*calendar.Days{}, failed: map[string]bool{}, names: slices.Sorted(maps.Keys(c.e.Calendar.Days)),
	}
	b.settleDefault()
	if len(b.names) > maxDayCalendars {
		c.problem("calendar.days", fmt.Sprintf("declares %d calendars, more than %d", len(b.names), maxDayCalendars), "keep those that an entity or a cut-off needs")
		b.names = nil
	}
	for _, name := range b.names {
		if p, bad := nameProblem(b.at(name), name); bad {
			c.problem(p.Field, p.What, p.Remedy)
		}
		b.build(name, nil)
	}
	if b.made[c.e.Calendar.Default] == nil {
		b.plain()
	}
	c.e.days = b.made
}

// A dayBuilder makes each calendar after those it needs.
type dayBuilder struct {
	checker
	declared map[string]DayCalendar
	names    []string
	made     map[string]*calendar.Days
	failed   map[string]bool // with mistakes that were told
}

func (b *dayBuilder) at(name string) string { return below("calendar.days", name) }

// settleDefault names the calendar that counts where none is named.
func (b *dayBuilder) settleDefault() {
	cal := &b.e.Calendar
	switch {
	case cal.Default != "" && len(b.names) == 0:
		b.problem("calendar.default", "names a calendar, and the estate declares none", "declare it under calendar.days")
	case cal.Default != "":
		b.known("calendar.default", "calendar", cal.Default, b.names)
	case len(b.names) > 1:
		b.problem("calendar.default", "is missing", "write which of "+strings.Join(b.names, ", ")+" counts where none is named")
	case len(b.names) == 1:
		cal.Default = b.names[0]
	default:
		cal.Default = PlainDays
	}
}

// plain makes the calendar of an estate that declares none, or none that can be
// made.
func (b *dayBuilder) plain() {
	name := cmp.Or(b.e.Calendar.Default, PlainDays)
	if len(b.declared) > 0 || len(b.e.Calendar.Holidays) == 0 {
		b.made[name] = calendar.NewDays(name, calendar.MondayToFriday(), nil, nil)
		return
	}
	list := calendar.NewList(b.short())
	days, flaws := calendar.Compose(calendar.Composition{Name: name, List: &list, Source: calendar.Source{Title: "calendar.holidays", Source: b.e.File}})
	for _, f := range flaws {
		b.problem("calendar.holidays", f.What, f.Remedy)
	}
	if b.made[name] = days; days == nil {
		b.made[name] = calendar.NewDays(name, calendar.MondayToFriday(), nil, nil)
	}
}

// short is the short form, calendar.holidays.
func (b *dayBuilder) short() []calendar.Holiday {
	out := make([]calendar.Holiday, len(b.e.Calendar.Holidays))
	for i, day := range b.e.Calendar.Holidays {
		out[i] = calendar.Holiday{On: calendar.Date(day), Name: "holiday"}
	}
	return out
}

// build makes one calendar, and those it needs first. It returns nil when there
// is a mistake in it or in one of those, each told once. needed are the names
// that led here.
func (b *dayBuilder) build(name string, needed []string) *calendar.Days {
	if b.made[name] != nil || b.failed[name] {
		return b.made[name]
	}
	if i := slices.Index(needed, name); i >= 0 {
		last := needed[len(needed)-1]
		b.problem(b.at(last), "needs itself: "+strings.Join(append(slices.Clip(needed[i:]), name), " → "), "remove one of these from extends or agreesWith")
		b.failed[name] = true
		return nil
	}
	needed = append(slices.Clip(needed), name)
	from, ok := b.compose(name, needed)
	if !ok || b.failed[name] {
		b.failed[name] = true
		return nil
	}
	days, flaws := calendar.Compose(from)
	for _, f := range flaws {
		b.problem(strings.TrimSuffix(b.at(name)+"."+f.Field, "."), f.What, f.Remedy)
	}
	b.made[name], b.failed[name] = days, days == nil
	return days
}

// compose gathers what a calendar is made of; false when some of it has
// mistakes.
func (b *dayBuilder) compose(name string, needed []string) (calendar.Composition, bool) {
	d, at, ok := b.declared[name], b.at(name), true
	from := calendar.Composition{
		Name: name, MaxAge: int(d.MaxAge), Reach: int(d.Reach),
		Source: calendar.Source{Title: d.Title, Source: d.Source, Checked: calendar.Date(d.Checked)},
	}
	for i, other := range d.Extends {
		days, found := b.need(fmt.Sprintf("%s.extends[%d]", at, i), other, needed)
		if ok = ok && found; found {
			from.Extends = append(from.Extends, days)
		}
	}
	if d.AgreesWith != "" {
		days, found := b.need(at+".agreesWith", d.AgreesWith, needed)
		from.AgreesWith, ok = days, ok && found
	}
	if d.Rule != "" {
		rule, found := b.rule(at+".rule", d.Rule)
		from.Rule, ok = &rule, ok && found
	}
	if d.ICS != nil {
		ok = b.file(at+".ics", d, &from) && ok
	}
	if len(d.Workweek) > 0 {
		from.Week = &calendar.Workweek{}
		for _, day := range d.Workweek {
			from.Week[day] = true
		}
	}
	for _, day := range d.Add {
		from.Add = append(from.Add, calendar.Holiday{On: calendar.Date(day.On), Name: day.Name})
	}
	for _, day := range d.Remove {
		from.Remove = append(from.Remove, calendar.Date(day))
	}
	for _, day := range d.HalfDays {
		from.HalfDays = append(from.HalfDays, calendar.HalfDay{On: calendar.Date(day.On), Until: calendar.TimeOfDay{Hour: day.Until.Hour, Minute: day.Until.Minute}})
	}
	if name == b.e.Calendar.Default {
		b.addShort(&from)
	}
	if d.Rule == "" && d.ICS == nil && len(d.Extends) == 0 { // its own list is all there is
		list := calendar.NewList(from.Add)
		from.List = &list
	}
	return from, ok && !b.d.has(at)
}

// addShort adds calendar.holidays to the default calendar. A day that is added
// there as well keeps its name.
func (b *dayBuilder) addShort(from *calendar.Composition) {
	for _, h := range b.short() {
		if !slices.ContainsFunc(from.Add, func(had calendar.Holiday) bool { return had.On == h.On }) {
			from.Add = append(from.Add, h)
		}
	}
}

// need makes a calendar that another one needs.
func (b *dayBuilder) need(field, name string, needed []string) (*calendar.Days, bool) {
	if _, declared := b.declared[name]; !declared {
		b.known(field, "calendar", name, b.names)
		return nil, false
	}
	days := b.build(name, needed)
	return days, days != nil
}

func (b *dayBuilder) rule(field, id string) (calendar.Rule, bool) {
	rule, found := calendar.RuleByID(id)
	if !found {
		var ids []string
		for _, r := range calendar.Rules() {
			ids = append(ids, r.ID)
		}
		b.known(field, "rule", id, ids)
	}
	return rule, found
}

// file reads an ICS file.
func (b *dayBuilder) file(field string, d DayCalendar, from *calendar.Composition) bool {
	if b.d.has(field) || d.ICS.File == "" {
		return false
	}
	name := d.ICS.File
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(b.e.File), name)
	}
	data, err := b.opts.readFile(name)
	if err != nil {
		cause := err
		if pe, ok := errors.AsType[*os.PathError](err); ok {
			cause = pe.Err
		}
		b.problem(field+".file", fmt.Sprintf("cannot be read: %v", cause), "name a file that the daemon's user may read, relative to this one")
		return false
	}
	if sum := hash(data); d.ICS.SHA256 != "" && !strings.EqualFold(sum, d.ICS.SHA256) {
		b.problem(field+".sha256", "is not that of "+clip(d.ICS.File), "look at what has changed in the file, then write "+sum)
		return false
	}
	holidays, err := ics.Decode(data)
	if err != nil {
		b.fileProblem(field+".file", d.ICS.File, err)
		return false
	}
	from.List = &holidays.List
	from.MaxAge = int(d.ICS.MaxAge)
	s := &from.Source
	s.Title, s.Source, s.Hash = cmp.Or(s.Title, holidays.Title), cmp.Or(s.Source, d.ICS.File), holidays.Hash
	if s.Checked.IsZero() {
		s.Checked = holidays.Written
	}
	if from.MaxAge > 0 && s.Checked.IsZero() {
		b.problem(field+".maxAge", "has no date to count from: the file has no DTSTAMP", "write under checked when the file was fetched")
		return false
	}
	return true
}

// fileProblem tells what is wrong inside a file, with its line there.
func (b *dayBuilder) fileProblem(field, name string, err error) {
	e, ok := errors.AsType[*ics.Error](err)
	if !ok {
		e = &ics.Error{What: err.Error(), Remedy: "fetch the file anew"}
	}
	where := clip(name)
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", where, e.Line)
	}
	b.problem(field, where+": "+e.What, e.Remedy)
}

// readFile reads a file that the estate names, at most one byte more than an
// ICS file may have.
func (o Options) readFile(name string) ([]byte, error) {
	if o.ReadFile != nil {
		return o.ReadFile(name)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return nil, errors.New("it is no file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	return io.ReadAll(io.LimitReader(f, ics.MaxFile+1))
}
