package app

import "github.com/closewatch/closewatch/collectors/recovery"

// A Backup is what the estate says about one backup component.
type Backup struct {
	Component string
	Config    recovery.Config
}

// Backups lists the estate's backup components.
func (p *Plan) Backups() []Backup {
	var out []Backup
	for _, c := range p.components {
		b := Backup{Component: c.Name}
		if c.Kind == recovery.Kind && len(c.Section.Decode(&b.Config)) == 0 {
			out = append(out, b)
		}
	}
	return out
}
