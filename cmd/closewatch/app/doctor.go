package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/synthetic"
	flows "github.com/closewatch/closewatch/synthetic/odoo"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// leasePatience is how long the doctor waits for a lease before it calls it
// taken: a run that writes has it for some seconds.
const leasePatience = 15 * time.Second

// Doctor examines what the flows of every Odoo component need, or of one. It
// reads from Odoo and writes nothing to it.
func Doctor(ctx context.Context, p *Plan, s ProbeSettings) ([]flows.Diagnosis, error) {
	data, err := probeDir(p, s.Data)
	if err != nil {
		return nil, err
	}
	var out []flows.Diagnosis
	for _, c := range p.components {
		if c.odoo == nil || s.Component != "" && c.Name != s.Component {
			continue
		}
		settings := proberSettings{state: data, version: s.Version, history: flow.NewHistory(), log: s.Log, now: time.Now}
		pr, err := openProber(p, c, settings)
		if err != nil {
			return out, err
		}
		d := pr.driver.Examine(ctx, synthetic.Flows(pr.driver))
		pr.client.Close()
		for i, f := range d.Findings {
			if f.What == flows.HardClose && f.State == flows.OK {
				d.Findings[i].Why = p.nextHardClose(c, settings.now())
			}
		}
		d.Findings = append(d.Findings, leaseFinding(ctx, p.lease(c, settings)))
		out = append(out, d)
	}
	if len(out) == 0 {
		missing := errors.New("the estate has no odoo component")
		if s.Component != "" {
			missing = fmt.Errorf("the estate has no odoo component %q", s.Component)
		}
		return nil, &fault.Error{Op: "probe doctor", Kind: fault.Rejected, Err: missing, Hint: "declare it under components"}
	}
	return out, nil
}

// leaseFinding says whether the turn to write can be had.
func leaseFinding(ctx context.Context, lease schedule.Lease) flows.Finding {
	out := flows.Finding{What: "lease for writing", State: flows.OK, Why: "free"}
	ctx, cancel := context.WithTimeout(ctx, leasePatience)
	defer cancel()
	held, err := lease.Acquire(ctx)
	if err != nil {
		return flows.Finding{What: out.What, State: flows.Untold, Why: fault.TextOf(err), Remedy: fault.HintOf(err)}
	}
	held.Release()
	return out
}
