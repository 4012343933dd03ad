package datadir

// A FindingKind says what a finding is about.
type FindingKind string

// Kinds of findings.
const (
	Migrated  FindingKind = "migrated"   // the layout was brought up to date
	Repaired  FindingKind = "repaired"   // VERSION or the clock was damaged
	Stale     FindingKind = "stale"      // half written files were removed
	SetAside  FindingKind = "set_aside"  // there are damaged files to look at
	Exposed   FindingKind = "exposed"    // others may read the directory
	LowSpace  FindingKind = "low_space"  // the disk is nearly full
	ClockBack FindingKind = "clock_back" // the wall clock is behind the last use
)

// A Finding is something about the directory that a person should know. The
// daemon works all the same.
type Finding struct {
	Kind FindingKind
	Text string
	Hint string // one imperative sentence; empty when there is nothing to do
}

func (d *Dir) find(kind FindingKind, text, hint string) {
	d.findings = append(d.findings, Finding{kind, text, hint})
}
