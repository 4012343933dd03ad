package calendar

import "time"

// Rules returns the rules that are built in, by id. Source is the law or notice
// a rule states. On the day it says, each was checked against two independent
// libraries or one of them, and every difference settled by the law named in
// the tests; the official text itself was read for the newest acts of Italy and
// Luxembourg only. Whoever relies on a rule compares it with its source and says
// so with the setting checked. A country is left out rather than half right:
// where banks and offices close on days that no law lists (Ireland's weekday in
// lieu, Zurich's 2 January), an estate reads an ICS file or extends a rule.
func Rules() []Rule {
	return []Rule{
		austria(), belgium(), germany(), spain(), france(),
		england(), northernIreland(), scotland(),
		italy(), luxembourg(), netherlands(), poland(), portugal(),
		target(), federalReserve(),
	}
}

// lastChecked is the day every rule was last checked, as Rules says.
func lastChecked() Date { return Date{2026, time.November, 26} }

// TARGET has had the same closing days since 2002 "until further notice".
func target() Rule {
	return Rule{
		ID: "TARGET", Title: "TARGET closing days", Checked: lastChecked(), Since: 2002,
		Source: "ECB press release of 14 December 2000, https://www.ecb.europa.eu/press/pr/date/2000/html/pr001214_4.en.html",
		days: []observance{
			on(time.January, 1, "New Year's Day"),
			fromEaster(-2, "Good Friday"),
			fromEaster(1, "Easter Monday"),
			on(time.May, 1, "Labour Day"),
			on(time.December, 25, "Christmas Day"),
			on(time.December, 26, "Christmas Holiday"),
		},
	}
}

// Days in lieu in the United Kingdom are proclaimed each year under section
// 1(2) of the Act, always in this way.
func toMonday() substitute { return substitute{time.Saturday: 2, time.Sunday: 1} }

// Of two holidays in a row the weekend moves each past the other.
func pastTheOther() substitute { return substitute{time.Saturday: 2, time.Sunday: 2} }

// kingdom are the bank holidays that all parts of the United Kingdom share. The
// spring holiday was moved for the jubilees of 2012 and 2022, the early May one
// in 2020 for the 75th anniversary of the end of the war.
func kingdom() []observance {
	return []observance{
		fromEaster(-2, "Good Friday"),
		nth(1, time.Monday, time.May, "Early May bank holiday").not(2020),
		once(2020, time.May, 8, "Early May bank holiday (VE day)"),
		nth(-1, time.Monday, time.May, "Spring bank holiday").not(2012, 2022),
		once(2012, time.June, 4, "Spring bank holiday"),
		once(2022, time.June, 2, "Spring bank holiday"),
		on(time.December, 25, "Christmas Day").moves(pastTheOther()),
		on(time.December, 26, "Boxing Day").moves(pastTheOther()),
		once(2011, time.April, 29, "Royal wedding"),
		once(2012, time.June, 5, "Diamond Jubilee"),
		once(2022, time.June, 3, "Platinum Jubilee"),
		once(2022, time.September, 19, "State Funeral of Queen Elizabeth II"),
		once(2023, time.May, 8, "Coronation of King Charles III"),
	}
}

const kingdomSource = "Banking and Financial Dealings Act 1971, schedule 1, and proclamations under it, https://www.gov.uk/bank-holidays"

func england() Rule {
	return Rule{
		ID: "GB-ENG", Title: "England and Wales, bank holidays", Source: kingdomSource, Checked: lastChecked(), Since: 2003,
		days: append(kingdom(),
			on(time.January, 1, "New Year's Day").moves(toMonday()),
			fromEaster(1, "Easter Monday"),
			nth(-1, time.Monday, time.August, "Summer bank holiday"),
		),
	}
}

func northernIreland() Rule {
	return Rule{
		ID: "GB-NIR", Title: "Northern Ireland, bank holidays", Source: kingdomSource, Checked: lastChecked(), Since: 2003,
		days: append(kingdom(),
			on(time.January, 1, "New Year's Day").moves(toMonday()),
			on(time.March, 17, "St Patrick's Day").moves(toMonday()),
			fromEaster(1, "Easter Monday"),
			on(time.July, 12, "Battle of the Boyne").moves(toMonday()),
			nth(-1, time.Monday, time.August, "Summer bank holiday"),
		),
	}
}

func scotland() Rule {
	return Rule{
		ID: "GB-SCT", Title: "Scotland, bank holidays", Checked: lastChecked(), Since: 2003,
		Source: kingdomSource + "; St Andrew's Day Bank Holiday (Scotland) Act 2007",
		days: append(kingdom(),
			on(time.January, 1, "New Year's Day").moves(pastTheOther()),
			on(time.January, 2, "2nd January").moves(pastTheOther()),
			nth(1, time.Monday, time.August, "Summer bank holiday"),
			on(time.November, 30, "St Andrew's Day").from(2007).moves(toMonday()),
			once(2026, time.June, 15, "World Cup bank holiday"),
		),
	}
}

// The Reserve Banks stay open on the Friday before a holiday that falls on a
// Saturday, and close on the Monday after one on a Sunday. They were open on the
// first Juneteenth, two days after it had become law.
func federalReserve() Rule {
	sundayToMonday := substitute{time.Sunday: 1}
	return Rule{
		ID: "US-FED", Title: "Federal Reserve Banks, holidays", Checked: lastChecked(), Since: 1990,
		Source: "Federal Reserve Financial Services, holiday schedules, https://www.frbservices.org/about/holiday-schedules; 5 U.S.C. 6103",
		days: []observance{
			on(time.January, 1, "New Year's Day").moves(sundayToMonday),
			nth(3, time.Monday, time.January, "Birthday of Martin Luther King, Jr."),
			nth(3, time.Monday, time.February, "Washington's Birthday"),
			nth(-1, time.Monday, time.May, "Memorial Day"),
			on(time.June, 19, "Juneteenth National Independence Day").from(2022).moves(sundayToMonday),
			on(time.July, 4, "Independence Day").moves(sundayToMonday),
			nth(1, time.Monday, time.September, "Labor Day"),
			nth(2, time.Monday, time.October, "Columbus Day"),
			on(time.November, 11, "Veterans Day").moves(sundayToMonday),
			nth(4, time.Thursday, time.November, "Thanksgiving Day"),
			on(time.December, 25, "Christmas Day").moves(sundayToMonday),
		},
	}
}

func austria() Rule {
	return Rule{
		ID: "AT", Title: "Austria, public holidays", Checked: lastChecked(), Since: 2000,
		Source: "Arbeitsruhegesetz § 7 (2), BGBl. 144/1983 as amended",
		days: []observance{
			on(time.January, 1, "New Year's Day"),
			on(time.January, 6, "Epiphany"),
			fromEaster(1, "Easter Monday"),
			on(time.May, 1, "National Holiday (1 May)"),
			fromEaster(39, "Ascension Day"),
			fromEaster(50, "Whit Monday"),
			fromEaster(60, "Corpus Christi"),
			on(time.August, 15, "Assumption Day"),
			on(time.October, 26, "National Day"),
			on(time.November, 1, "All Saints' Day"),
			on(time.December, 8, "Immaculate Conception"),
			on(time.December, 25, "Christmas Day"),
			on(time.December, 26, "St Stephen's Day"),
		},
	}
}

// A holiday on a Sunday is replaced by a day that each employer sets: it is not
// the same for all and not in the rule.
func belgium() Rule {
	return Rule{
		ID: "BE", Title: "Belgium, public holidays", Checked: lastChecked(), Since: 2000,
		Source: "Royal Decree of 18 April 1974, article 1, on the Public Holidays Act of 4 January 1974",
		days: []observance{
			on(time.January, 1, "New Year's Day"),
			fromEaster(1, "Easter Monday"),
			on(time.May, 1, "Labour Day"),
			fromEaster(39, "Ascension Day"),
			fromEaster(50, "Whit Monday"),
			on(time.July, 21, "National Day"),
			on(time.August, 15, "Assumption Day"),
			on(time.November, 1, "All Saints' Day"),
			on(time.November, 11, "Armistice Day"),
			on(time.December, 25, "Christmas Day"),
		},
	}
}

// Days that only some of the Länder keep are not in the rule.
func germany() Rule {
	return Rule{
		ID: "DE", Title: "Germany, holidays of all Länder", Checked: lastChecked(), Since: 2000,
		Source: "Einigungsvertrag, article 2 (2), and the holiday acts of the sixteen Länder; for 2017 those acts on the 500th anniversary of the Reformation",
		days: []observance{
			on(time.January, 1, "New Year's Day"),
			fromEaster(-2, "Good Friday"),
			fromEaster(1, "Easter Monday"),
			on(time.May, 1, "Labour Day"),
			fromEaster(39, "Ascension Day"),
			fromEaster(50, "Whit Monday"),
			on(time.October, 3, "Day of German Unity"),
			once(2017, time.October, 31, "Reformation Day"),
			on(time.December, 25, "Christmas Day"),
			on(time.December, 26, "Second Day of Christmas"),
		},
	}
}

// What a community puts in the place of a holiday on a Sunday, and the days of
// the communities and towns, are not in the rule.
func spain() Rule {
	return Rule{
		ID: "ES", Title: "Spain, national holidays", Checked: lastChecked(), Since: 2000,
		Source: "Real Decreto 2001/1983, article 45, and the yearly lists of the Dirección General de Trabajo in the BOE",
		days: []observance{
			on(time.January, 1, "New Year's Day"),
			on(time.January, 6, "Epiphany"),
			fromEaster(-2, "Good Friday"),
			on(time.May, 1, "Labour Day"),
			on(time.August, 15, "Assumption Day"),
			on(time.October, 12, "National Day"),
			on(time.November, 1, "All Saints' Day"),
			on(time.December, 6, "Constitution Day"),
			on(time.December, 8, "Immaculate Conception"),
			on(time.December, 25, "Christmas Day"),
		},
	}
}

// Since 2008 Whit Monday is a holiday again that an employer may have worked.
func france() Rule {
	return Rule{
		ID: "FR", Title: "France, public holidays", Checked: lastChecked(), Since: 2008,
		Source: "Code du travail, article L3133-1",
		days: []observance{
			on(time.January, 1, "New Year's Day"),
			fromEaster(1, "Easter Monday"),
			on(time.May, 1, "Labour Day"),
			on(time.May, 8, "Victory Day"),
			fromEaster(39, "Ascension Day"),
			fromEaster(50, "Whit Monday"),
			on(time.July, 14, "National Day"),
			on(time.August, 15, "Assumption Day"),
			on(time.November, 1, "All Saints' Day"),
			on(time.November, 11, "Armistice Day"),
			on(time.December, 25, "Christmas Day"),
		},
	}
}

// Patron saints of towns are not in the rule.
func italy() Rule {
	return Rule{
		ID: "IT", Title: "Italy, public holidays", Checked: lastChecked(), Since: 2001,
		Source: "Legge 260/1949, article 2, as amended by leggi 54/1977, 336/2000 and 151/2025 and D.P.R. 792/1985; for 2011 decreto-legge 5/2011",
		days: []observance{
			on(time.January, 1, "New Year's Day"),
			on(time.January, 6, "Epiphany"),
			fromEaster(1, "Easter Monday"),
			on(time.April, 25, "Liberation Day"),
			on(time.May, 1, "Labour Day"),
			on(time.June, 2, "Republic Day"),
			on(time.August, 15, "Assumption Day"),
			on(time.October, 4, "St Francis of Assisi").from(2026),
			on(time.November, 1, "All Saints' Day"),
			on(time.December, 8, "Immaculate Conception"),
			on(time.December, 25, "Christmas Day"),
			on(time.December, 26, "St Stephen's Day"),
			once(2011, time.March, 17, "150 years of Italian unity"),
		},
	}
}

func luxembourg() Rule {
	return Rule{
		ID: "LU", Title: "Luxembourg, public holidays", Checked: lastChecked(), Since: 2000,
		Source: "Code du travail, article L. 232-2, as amended by the law of 25 April 2019",
		days: []observance{
			on(time.January, 1, "New Year's Day"),
			fromEaster(1, "Easter Monday"),
			on(time.May, 1, "Labour Day"),
			on(time.May, 9, "Europe Day").from(2019),
			fromEaster(39, "Ascension Day"),
			fromEaster(50, "Whit Monday"),
			on(time.June, 23, "National Day"),
			on(time.August, 15, "Assumption Day"),
			on(time.November, 1, "All Saints' Day"),
			on(time.December, 25, "Christmas Day"),
			on(time.December, 26, "St Stephen's Day"),
		},
	}
}

// Liberation Day is a day off for all in every fifth year only, as employers and
// unions agreed in 1990; Good Friday is one for banks and the courts' terms, not
// in general.
func netherlands() Rule {
	sundayToSaturday := substitute{time.Sunday: -1}
	return Rule{
		ID: "NL", Title: "Netherlands, days off in general", Checked: lastChecked(), Since: 2000,
		Source: "Algemene termijnenwet, article 3; for 5 May the Labour Foundation's (STAR) recommendation of 1990",
		days: []observance{
			on(time.January, 1, "New Year's Day"),
			fromEaster(1, "Easter Monday"),
			on(time.April, 30, "Queen's Day").until(2013).moves(sundayToSaturday),
			on(time.April, 27, "King's Day").from(2014).moves(sundayToSaturday),
			on(time.May, 5, "Liberation Day").yearsOf(5),
			fromEaster(39, "Ascension Day"),
			fromEaster(50, "Whit Monday"),
			on(time.December, 25, "Christmas Day"),
			on(time.December, 26, "Second Day of Christmas"),
		},
	}
}

// A holiday on a Saturday gives every employee another day off of the
// employer's choice: it is not in the rule.
func poland() Rule {
	return Rule{
		ID: "PL", Title: "Poland, days free from work", Checked: lastChecked(), Since: 2011,
		Source: "Ustawa o dniach wolnych od pracy of 18 January 1951, article 1, as amended by the acts of 24 September 2010 and 6 December 2024; for 2018 the act of 7 November 2018",
		days: []observance{
			on(time.January, 1, "New Year's Day"),
			on(time.January, 6, "Epiphany"),
			fromEaster(0, "Easter Sunday"),
			fromEaster(1, "Easter Monday"),
			on(time.May, 1, "State Holiday (1 May)"),
			on(time.May, 3, "Constitution Day"),
			fromEaster(49, "Whit Sunday"),
			fromEaster(60, "Corpus Christi"),
			on(time.August, 15, "Assumption Day"),
			on(time.November, 1, "All Saints' Day"),
			on(time.November, 11, "Independence Day"),
			once(2018, time.November, 12, "Independence centenary"),
			on(time.December, 24, "Christmas Eve").from(2025),
			on(time.December, 25, "Christmas Day"),
			on(time.December, 26, "Second Day of Christmas"),
		},
	}
}

// Four holidays were suspended from 2013 to 2015 (Lei 23/2012) and brought back
// in 2016.
func portugal() Rule {
	return Rule{
		ID: "PT", Title: "Portugal, obligatory holidays", Checked: lastChecked(), Since: 2000,
		Source: "Código do Trabalho, article 234, as amended by Lei 23/2012 and Lei 8/2016",
		days: []observance{
			on(time.January, 1, "New Year's Day"),
			fromEaster(-2, "Good Friday"),
			fromEaster(0, "Easter Sunday"),
			on(time.April, 25, "Freedom Day"),
			on(time.May, 1, "Labour Day"),
			fromEaster(60, "Corpus Christi").not(2013, 2014, 2015),
			on(time.June, 10, "Portugal Day"),
			on(time.August, 15, "Assumption Day"),
			on(time.October, 5, "Republic Day").not(2013, 2014, 2015),
			on(time.November, 1, "All Saints' Day").not(2013, 2014, 2015),
			on(time.December, 1, "Restoration of Independence").not(2013, 2014, 2015),
			on(time.December, 8, "Immaculate Conception"),
			on(time.December, 25, "Christmas Day"),
		},
	}
}
