package wording

// An About is what to do about a symptom that is the same whatever process it is
// found in.
type About struct {
	First, Not []string
	Cause      bool   // what to do about the cause comes before First
	Workaround string // "" is the process's own
}

// AboutSymptom returns what to do about a symptom; false for one whose process says
// it better.
func AboutSymptom(symptom string) (About, bool) {
	switch symptom {
	case "integrity":
		return About{
			First: []string{
				"Keep this page and its time: they are evidence. Change nothing.",
				"Call the controller: from here on the controller decides.",
				"Look for a restore, a failover or a clean-up that came before.",
			},
			Not: []string{
				"Do not repair entries in the database.",
				"Do not delete, renumber or reset anything to draft.",
			},
		}, true
	case "split-brain":
		return About{
			First: []string{
				"Find out which of the two servers Odoo writes to.",
				"Stop the other from taking work: cut it off, do not shut the good one down.",
				"Keep the data of both until it is known what each of them took.",
			},
			Not: []string{
				"Do not let the other follow again before its entries are compared: they would be lost.",
				"Do not restart Odoo before one server is cut off.",
			},
		}, true
	case "recovery-point":
		return About{
			First: []string{"Call off whatever would restart, patch or move the database server until this is over."},
			Not: []string{
				"Do not fail over: what is on one server only would be lost.",
				"Do not build the standby anew before you know why it does not follow.",
			},
			Cause:      true,
			Workaround: "Work goes on. Put off what could not be entered again from its papers, such as large runs, until this is over.",
		}, true
	}
	return About{}, false
}
