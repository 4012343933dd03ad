package openslo

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
)

// Options are what documents are imported into.
type Options struct {
	// Catalog is what an estate changes, and Processes what there is already:
	// the catalogue too, or what the estate made of it that the objectives are to
	// go into.
	Catalog, Processes []process.Process
	// Services says which process a service is, where neither its name nor an
	// annotation does.
	Services map[string]string
	// Check says what is wrong with a part of an estate.
	Check func(part []byte) estate.Mistakes
}

// A Note says what becomes of something that an estate cannot say.
type Note struct {
	estate.Mistake
	// LeftOut says that nothing of it is in the estate; otherwise it is there
	// with the difference that is told.
	LeftOut bool `json:"left_out"`
}

// An Imported is an objective that was imported.
type Imported struct {
	Process   string `json:"process"`
	Objective string `json:"objective"`
	File      string `json:"file"`
	Line      int    `json:"line"`
}

// A Result is what was made of documents.
type Result struct {
	Part       []byte     // of an estate: processes, and components that are asked; nil when nothing differs
	Objectives []Imported // in it
	Same       []Imported // that an estate has as they are
	Notes      []Note     // in the order of the files
}

// Import makes a part of an estate of documents.
func (s *Set) Import(o Options) Result {
	im := &importer{Set: s, Options: o, had: map[string]had{}, processes: map[string]fields{}, objectives: map[string]fields{}, asks: map[string]ask{}}
	for _, name := range slices.Sorted(maps.Keys(s.services)) {
		im.service(s.services[name])
	}
	for _, d := range s.slos {
		im.slo(d)
	}
	for _, name := range slices.Sorted(maps.Keys(s.services)) {
		im.disabled(s.services[name])
	}
	im.others()
	im.Part = im.part()
	slices.SortStableFunc(im.Notes, func(a, b Note) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	im.Notes = slices.Compact(im.Notes)
	return im.Result
}

// An importer makes the part.
type importer struct {
	*Set
	Options
	Result
	had        map[string]had    // by process and objective
	processes  map[string]fields // what differs of a process
	objectives map[string]fields // what differs of its objectives, by process
	asks       map[string]ask    // what a Prometheus is to be asked, by the query's name
}

// had is an objective that was made before, and where.
type had struct {
	is process.Objective
	at string
}

// reading is one document, and the place in it that is read.
type reading struct {
	*importer
	doc  *estate.Document
	meta *Metadata
}

// kept notes what is different in the estate.
func (r reading) kept(field, what, remedy string) { r.note(false, field, what, remedy) }

// leave notes what is not in the estate.
func (r reading) leave(field, what, remedy string) { r.note(true, field, what, remedy) }

func (r reading) note(leftOut bool, field, what, remedy string) {
	r.Notes = append(r.Notes, Note{r.doc.Note(estate.Problem{Field: field, What: what, Remedy: remedy}), leftOut})
}

// annotation is where an annotation stands.
func annotation(key string) string { return "metadata.annotations." + key }

// unknownAnnotations notes annotations of ours that are none.
func (r reading) unknownAnnotations(known []string) {
	for _, key := range slices.Sorted(maps.Keys(r.meta.Annotations)) {
		if strings.HasPrefix(key, prefix) && !slices.Contains(known, key) {
			r.leave(annotation(key), "means nothing here", "write one of "+strings.Join(known, ", "))
		}
	}
}

// foreign notes what documents of others say of themselves that an estate has no
// room for.
func (r reading) foreign(thing string) {
	if len(r.meta.Labels) > 0 {
		r.leave("metadata.labels", thing+" has no labels in an estate", "keep them here")
	}
	for _, key := range slices.Sorted(maps.Keys(r.meta.Annotations)) {
		if !strings.HasPrefix(key, prefix) {
			r.leave(annotation(key), thing+" has no annotations in an estate", "keep it here")
		}
	}
}

// processOf is the process that a service is; false when there is none.
func (r reading) processOf(service string) (process.Process, bool) {
	name := r.meta.Annotations[annotationProcess]
	if declared, ok := r.services[service]; ok {
		name = cmp.Or(name, declared.is.Metadata.Annotations[annotationProcess])
	}
	name = cmp.Or(r.Services[service], name, service)
	i := slices.IndexFunc(r.Processes, func(p process.Process) bool { return p.Name == name })
	if i < 0 {
		return process.Process{Name: name}, false
	}
	return r.Processes[i], true
}

// slo imports the objectives of one SLO.
func (im *importer) slo(d placed[SLO]) {
	r := reading{im, d.Document, &d.is.Metadata}
	spec := &d.is.Spec
	p, ok := r.processOf(spec.Service)
	if !ok {
		r.leave("spec.service", fmt.Sprintf("%q is no finance process that the estate has", p.Name), "say which it is with --service "+spec.Service+"=PROCESS, or with the annotation "+annotationProcess)
		return
	}
	r.unknownAnnotations(annotationsOfSLO())
	r.foreign("an objective")
	if spec.BudgetingMethod == ratioTimeslices {
		r.leave("spec.budgetingMethod", "RatioTimeslices averages the ratios of slices, which an estate cannot", "write Occurrences, which counts all events alike, or Timeslices")
		return
	}
	composite := slices.ContainsFunc(spec.Objectives, func(o Objective) bool { return o.composite() })
	for i := range spec.Objectives {
		at := fmt.Sprintf("spec.objectives[%d]", i)
		want, ok := r.objective(d, at, i)
		if !ok {
			continue
		}
		if composite {
			r.kept(at, "is an objective of its own in the estate", "how the process as a whole does is its objective composite, which the daemon makes of its parts")
		}
		if w := spec.Objectives[i].CompositeWeight; w != nil && *w != 1 {
			r.leave(at+".compositeWeight", "parts of a whole weigh the same in an estate", "remove it")
		}
		r.add(p, want, at)
	}
	r.alerts(spec)
}

// add puts an objective into the part, unless the estate has it as it is.
func (r reading) add(p process.Process, want process.Objective, at string) {
	place, there := r.doc.Note(estate.Problem{Field: at}), objectiveOf(r.Processes, p.Name, want.Name)
	want.Says = cmp.Or(want.Says, there.Says)
	key := p.Name + "/" + want.Name
	if before, twice := r.had[key]; twice {
		if !same(before.is, want) {
			r.leave(at, fmt.Sprintf("differs from the objective %s of %s at %s", want.Name, p.Name, before.at), "give it a name of its own with the annotation "+annotationObjective)
		}
		return
	}
	r.had[key] = had{want, fmt.Sprintf("%s:%d", place.File, place.Line)}
	said := Imported{p.Name, want.Name, place.File, place.Line}
	if same(there, want) {
		r.Same = append(r.Same, said)
		return
	}
	base := objectiveOf(r.Catalog, p.Name, want.Name)
	change := changeOf(base, want)
	part := fields{{"processes", fields{{p.Name, fields{{"objectives", fields{{want.Name, change}}}}}}}}
	if r.Check != nil {
		if ms := r.Check(layOut(part)); len(ms) > 0 {
			r.leave(at, fmt.Sprintf("cannot be said in an estate: %s %s", lastOfPath(ms[0].Path), ms[0].What), ms[0].Remedy)
			return
		}
	}
	for _, stays := range staysOf(base, want) {
		r.kept(at, fmt.Sprintf("%s of %s keeps its %s, which an estate cannot take back", want.Name, p.Name, stays), "give it a name of its own with the annotation "+annotationObjective)
	}
	r.use(want)
	r.objectives[p.Name] = append(r.objectives[p.Name], field{want.Name, change})
	r.Objectives = append(r.Objectives, said)
}

// objectiveOf is an objective by its name, an empty one when there is none.
func objectiveOf(all []process.Process, name, objective string) process.Objective {
	for _, p := range all {
		for _, o := range p.Objectives {
			if p.Name == name && o.Name == objective {
				return o
			}
		}
	}
	return process.Objective{Name: objective}
}

// hasObjective reports whether there is an objective.
func hasObjective(all []process.Process, name, objective string) bool {
	return slices.ContainsFunc(all, func(p process.Process) bool {
		return p.Name == name && slices.ContainsFunc(p.Objectives, func(o process.Objective) bool { return o.Name == objective })
	})
}

// lastOfPath is what a path leads to: "criticalTarget".
func lastOfPath(path string) string { return path[strings.LastIndex(path, ".")+1:] }

// same reports whether two objectives ask for the same.
func same(a, b process.Objective) bool {
	for _, o := range []*process.Objective{&a, &b} {
		o.Unmeasured = "" // why nothing measured it is nothing that it asks for
		if o.Every {
			o.Target, o.CriticalTarget = 0, 0
		}
		if o.Budget.SliceTarget == o.Target {
			o.Budget.SliceTarget = 0
		}
		if o.Budget.EmptySlice == process.EmptyExcluded {
			o.Budget.EmptySlice = ""
		}
		if len(o.Budget.Weights) == 0 {
			o.Budget.Weights = nil
		}
		if len(o.Budget.Shares) == 0 {
			o.Budget.Shares = nil
		}
		o.Indicator = plainIndicator(o.Indicator)
	}
	return reflect.DeepEqual(a, b)
}

// plainIndicator is a copy without labels that are none.
func plainIndicator(i *process.Indicator) *process.Indicator {
	if i == nil {
		return nil
	}
	out := *i
	for _, s := range []**process.Series{&out.Total, &out.Good, &out.Bad, &out.Histogram, &out.Oldest, &out.Idle, &out.Value} {
		if *s != nil && len((*s).Labels) == 0 {
			*s = &process.Series{Metric: (*s).Metric}
		}
	}
	return &out
}

// service imports what a service says of its process.
func (im *importer) service(d placed[Service]) {
	r := reading{im, d.Document, &d.is.Metadata}
	p, ok := r.processOf(d.is.Metadata.Name)
	used := slices.ContainsFunc(im.slos, func(s placed[SLO]) bool { return s.is.Spec.Service == d.is.Metadata.Name })
	if !ok {
		if !used { // otherwise it is told where it is used
			r.leave("metadata.name", fmt.Sprintf("%q is no finance process that the estate has", p.Name), "say which it is with the annotation "+annotationProcess)
		}
		return
	}
	r.unknownAnnotations(annotationsOfService())
	r.foreign("a process")
	change, ok := r.processChange(p, d.is.Spec.Description)
	if !ok || len(change) == 0 {
		return
	}
	if r.Check != nil {
		if ms := r.Check(layOut(fields{{"processes", fields{{p.Name, change}}}})); len(ms) > 0 {
			r.leave("metadata.annotations", fmt.Sprintf("cannot be said in an estate: %s %s", lastOfPath(ms[0].Path), ms[0].What), ms[0].Remedy)
			return
		}
	}
	im.processes[p.Name] = change
}

// disabled imports which objectives of the catalogue the estate of a service
// does not have.
func (im *importer) disabled(d placed[Service]) {
	r := reading{im, d.Document, &d.is.Metadata}
	text := d.is.Metadata.Annotations[annotationDisabled]
	p, ok := r.processOf(d.is.Metadata.Name)
	if text == "" || !ok {
		return
	}
	at := annotation(annotationDisabled)
	place := r.doc.Note(estate.Problem{Field: at})
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		said := Imported{p.Name, name, place.File, place.Line}
		had, slo := r.had[p.Name+"/"+name]
		switch {
		case !hasObjective(r.Catalog, p.Name, name):
			r.leave(at, fmt.Sprintf("%q is no objective that %s has", name, p.Name), "name those that the estate is not to have, with commas between them")
		case slo:
			r.leave(at, fmt.Sprintf("%s of %s is an SLO here, at %s", name, p.Name, had.at), "remove its name, or the SLO")
		case !hasObjective(r.Processes, p.Name, name):
			r.Same = append(r.Same, said)
		default:
			r.objectives[p.Name] = append(r.objectives[p.Name], field{name, fields{{"enabled", false}}})
			r.Objectives = append(r.Objectives, said)
		}
	}
}

// part is all that differs, as a part of an estate.
func (im *importer) part() []byte {
	var processes fields
	for _, p := range im.Processes {
		of := slices.Clone(im.processes[p.Name])
		if objectives := im.objectives[p.Name]; len(objectives) > 0 {
			of = append(of, field{"objectives", objectives})
		}
		processes = processes.with(p.Name, of)
	}
	components := im.asking()
	out := fields{}.with("components", components).with("processes", processes)
	if len(out) == 0 {
		return nil
	}
	return layOut(out)
}

// layOut writes a part of an estate as people do.
func layOut(f fields) []byte {
	var b bytes.Buffer
	f.write(&b, "", []string{
		"indicator", "total", "good", "bad", "histogram", "oldest", "idle", "value", "weights", "shares", "policy", "criticalWindow", "queries",
	})
	return b.Bytes()
}
