package calendar

// easter returns Easter Sunday of a Gregorian year: the Sunday after the full
// moon of the ecclesiastical tables that falls on or after 21 March. It is
// computed as in the tables' definition (C. Clavius, Romani calendarii
// explicatio, 1603) by way of the epact in D. E. Knuth, The Art of Computer
// Programming, volume 1, section 1.3.2, exercise 14.
func easter(year int) Date {
	golden := year%19 + 1 // place in the 19 years after which the moon's phases return
	century := year/100 + 1
	leapDaysDropped := 3*century/4 - 12    // century years that are not leap years
	moonCorrection := (8*century+5)/25 - 5 // the 19 years are not quite as long as 235 moons
	sunday := 5*year/4 - leapDaysDropped - 10
	epact := (11*golden + 20 + moonCorrection - leapDaysDropped) % 30 // the moon's age on 1 January
	if epact < 0 {
		epact += 30
	}
	if epact == 25 && golden > 11 || epact == 24 {
		epact++
	}
	fullMoon := 44 - epact // a day of March
	if fullMoon < 21 {
		fullMoon += 30
	}
	return Date{year, 3, fullMoon + 7 - (sunday+fullMoon)%7}.Add(0)
}
