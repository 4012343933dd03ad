package estate

import (
	"github.com/closewatch/closewatch/internal/calendar"
)

// A DayCalendar is a named calendar of days nobody works: those of other
// calendars and its own.
type DayCalendar struct {
	Extends []string   `yaml:"extends"`
	Add     []AddedDay `yaml:"add"`
}

// An AddedDay is one day nobody works.
type AddedDay struct {
	On   Date   `yaml:"on"`
	Name string `yaml:"name"`
}

// DayCalendars returns the calendars that are declared, by name.
func (e *Estate) DayCalendars() map[string]*calendar.Days {
	out := map[string]*calendar.Days{}
	for name := range e.Calendar.Days {
		holidays := map[calendar.Date]string{}
		e.gather(name, holidays, map[string]bool{})
		if name == e.Calendar.Default {
			for _, d := range e.Calendar.Holidays {
				holidays[calendar.Date(d)] = "holiday"
			}
		}
		out[name] = calendar.NewDays(name, calendar.MondayToFriday(), holidays, nil)
	}
	return out
}

// gather collects the days of a calendar and of those it extends, each once.
func (e *Estate) gather(name string, into map[calendar.Date]string, seen map[string]bool) {
	if seen[name] {
		return
	}
	seen[name] = true
	for _, other := range e.Calendar.Days[name].Extends {
		e.gather(other, into, seen)
	}
	for _, d := range e.Calendar.Days[name].Add {
		into[calendar.Date(d.On)] = d.Name
	}
}
