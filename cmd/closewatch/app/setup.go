package app

import (
	"errors"
	"fmt"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/odoorpc"
	flows "github.com/closewatch/closewatch/synthetic/odoo"
)

// An OdooTarget is an Odoo component of an estate: where it is, and what the
// estate already says of the synthetic company.
type OdooTarget struct {
	Component   string
	Environment string
	RPC         odoorpc.Config
	Synthetic   flows.Synthetic
}

// OdooTarget returns the Odoo component of a name, or the only one there is.
func (p *Plan) OdooTarget(name string) (OdooTarget, error) {
	var found []OdooTarget
	for _, c := range p.components {
		if c.odoo != nil && (name == "" || c.Name == name) {
			found = append(found, OdooTarget{c.Name, c.Environment, c.odoo.RPC, c.odoo.Synthetic})
		}
	}
	const op = "choose the odoo component"
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return OdooTarget{}, &fault.Error{Op: op, Kind: fault.Rejected, Err: fmt.Errorf("the estate has %d", len(found)), Hint: "name one with --component"}
	case name != "":
		return OdooTarget{}, &fault.Error{Op: op, Kind: fault.Rejected, Err: fmt.Errorf("the estate has no odoo component %q", name), Hint: "declare it under components"}
	}
	return OdooTarget{}, &fault.Error{Op: op, Kind: fault.Rejected, Err: errors.New("the estate has none"), Hint: "declare one under components, or name the database with --url and --database"}
}
