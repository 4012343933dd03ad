package estate

// An Entity is one legal company, known by a short name: names of companies
// are never labels.
type Entity struct {
	Name    string `yaml:"name"`
	Tenant  string `yaml:"tenant"`  // the Odoo database
	Company int64  `yaml:"company"` // res.company id; 0 when the tenant holds one company
}

// Validate implements Validator.
func (e *Entity) Validate() []Problem {
	var ps []Problem
	if e.Name == "" {
		ps = append(ps, Missing("name", "write a short name such as acme-uk"))
	} else if p, bad := nameProblem("name", e.Name); bad {
		ps = append(ps, p)
	}
	if e.Tenant == "" {
		ps = append(ps, Missing("tenant", "write the name of its Odoo database"))
	}
	if e.Company < 0 {
		ps = append(ps, Problem{"company", "is negative", "write the id of the company in res_company"})
	}
	return ps
}
