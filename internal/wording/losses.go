package wording

// FirstAbout is what to do first about a symptom that is the same whatever
// process it is found in, and what not to do; nothing for one whose process says
// it better.
func FirstAbout(symptom string) (first, not []string) {
	switch symptom {
	case "integrity":
		first = []string{
			"Keep this page and its time: they are evidence. Change nothing.",
			"Call the controller: from here on the controller decides.",
			"Look for a restore, a failover or a clean-up that came before.",
		}
		not = []string{
			"Do not repair entries in the database.",
			"Do not delete, renumber or reset anything to draft.",
		}
	case "split-brain":
		first = []string{
			"Find out which of the two servers Odoo writes to.",
			"Stop the other from taking work: cut it off, do not shut the good one down.",
			"Keep the data of both until it is known what each of them took.",
		}
		not = []string{
			"Do not let the other follow again before its entries are compared: they would be lost.",
			"Do not restart Odoo before one server is cut off.",
		}
	}
	return first, not
}
