package odoosim

import (
	"slices"
	"strings"
	"time"
)

// A lock is a lock date of a company that a date violates.
type lock struct {
	date time.Time
	name string
}

// violated lists the locks that a date in a journal of that type lies under,
// the latest last.
func (e *env) violated(company int64, journalType, day string) ([]lock, error) {
	var fiscal, sale, purchase, hard *time.Time
	err := e.row(`SELECT fiscalyear_lock_date, sale_lock_date, purchase_lock_date, hard_lock_date FROM res_company WHERE id = $1`, company).
		Scan(&fiscal, &sale, &purchase, &hard)
	if err != nil {
		return nil, err
	}
	on, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return nil, valueError("time data %s does not match format '%%Y-%%m-%%d'", pyRepr(day))
	}
	locks := []lock{}
	add := func(date *time.Time, name string, applies bool) {
		if date != nil && applies && !on.After(*date) {
			locks = append(locks, lock{*date, name})
		}
	}
	add(fiscal, "Global Lock Date", true)
	add(sale, "Sales Lock Date", journalType == "sale")
	add(purchase, "Purchase Lock Date", journalType == "purchase")
	add(hard, "Hard Lock Date", true)
	slices.SortStableFunc(locks, func(a, b lock) int { return a.date.Compare(b.date) })
	return locks, nil
}

// checkLocks refuses to change a posted entry under a lock date.
func (e *env) checkLocks(m *move) error {
	if m.state != "posted" {
		return nil
	}
	locks, err := e.violated(m.company, m.journalType, m.date)
	if err != nil || len(locks) == 0 {
		return err
	}
	names := make([]string, len(locks))
	for i, l := range locks {
		names[i] = l.name + " (" + l.date.Format("01/02/2006") + ")"
	}
	if e.s.opts.Version < 18 {
		return userError("You cannot add/modify entries prior to and inclusive of the lock date %s.", locks[len(locks)-1].date.Format("01/02/2006"))
	}
	return userError("You cannot add/modify entries prior to and inclusive of: %s.", strings.Join(names, ", "))
}

// accountingDate is the date a move gets when it is posted: its own, or under a
// lock the first day that is open, silently.
func (e *env) accountingDate(m *move) (string, error) {
	locks, err := e.violated(m.company, m.journalType, m.date)
	if err != nil || len(locks) == 0 {
		return m.date, err
	}
	open := locks[len(locks)-1].date.AddDate(0, 0, 1)
	today, err := time.Parse(time.DateOnly, e.today())
	if err != nil {
		return "", err
	}
	last, err := e.lastNumber(m, chainOf(m))
	if err != nil {
		return "", err
	}
	end := time.Date(open.Year(), open.Month()+1, 0, 0, 0, 0, 0, time.UTC) // of the month
	if last > 0 && chainOf(m).width == 5 {
		end = time.Date(open.Year(), 12, 31, 0, 0, 0, 0, time.UTC)
	}
	switch {
	case isSale(m.kind):
		return earlier(today, end).Format(time.DateOnly), nil
	case today.After(end):
		return end.Format(time.DateOnly), nil
	case open.After(today):
		return open.Format(time.DateOnly), nil
	default:
		return e.today(), nil
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
