package openslo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/estate"
)

// A File is one that holds documents.
type File struct {
	Name string
	Data []byte
}

// A Set is what files declare.
type Set struct {
	slos       []placed[SLO]
	slis       map[string]placed[SLI]
	policies   map[string]placed[AlertPolicy]
	conditions map[string]placed[AlertCondition]
	targets    map[string]placed[AlertNotificationTarget]
	services   map[string]placed[Service]
	sources    map[string]placed[DataSource]
}

// placed is a document that knows where everything in it stands.
type placed[T any] struct {
	*estate.Document
	is *T
}

// maxMistakes is how many are told: a file of another kind has one on every
// line.
const maxMistakes = 200

// Read reads the documents of files. The mistakes are those of all of them, in
// their order; with any, there is no Set.
func Read(files []File) (*Set, estate.Mistakes) {
	r := reader{Set: Set{
		slis: map[string]placed[SLI]{}, policies: map[string]placed[AlertPolicy]{}, conditions: map[string]placed[AlertCondition]{},
		targets: map[string]placed[AlertNotificationTarget]{}, services: map[string]placed[Service]{}, sources: map[string]placed[DataSource]{},
	}, first: map[string]string{}}
	for _, f := range files {
		docs, mistakes := estate.ReadDocuments(f.Name, f.Data, "OpenSLO document")
		for _, doc := range docs {
			r.document(doc)
			mistakes = append(mistakes, doc.Mistakes()...)
		}
		slices.SortStableFunc(mistakes, func(a, b estate.Mistake) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		r.mistakes = append(r.mistakes, mistakes...)
	}
	if len(r.mistakes) == 0 {
		r.references()
	}
	if len(r.mistakes) > maxMistakes {
		r.mistakes = r.mistakes[:maxMistakes]
	}
	if len(r.mistakes) > 0 {
		return nil, r.mistakes
	}
	return &r.Set, nil
}

// A reader collects documents.
type reader struct {
	Set
	first    map[string]string // where a name of a kind stands
	mistakes estate.Mistakes
}

// document decodes one document by its kind.
func (r *reader) document(doc *estate.Document) {
	if version := doc.Text("apiVersion"); version != apiVersion {
		what := "is missing"
		if version != "" {
			what = fmt.Sprintf("is not %s: %q", apiVersion, version)
		}
		doc.Problem(estate.Problem{Field: "apiVersion", What: what, Remedy: "write apiVersion: " + apiVersion})
		if version != "" { // of another version other things are right
			return
		}
	}
	switch k := kind(doc.Text("kind")); k {
	case kindSLO:
		is := decode[SLO](doc)
		r.name(doc, k, is.Metadata.Name)
		r.slos = append(r.slos, placed[SLO]{doc, is})
	case kindSLI:
		is := decode[SLI](doc)
		r.name(doc, k, is.Metadata.Name)
		r.slis[is.Metadata.Name] = placed[SLI]{doc, is}
	case kindAlertPolicy:
		is := decode[AlertPolicy](doc)
		r.name(doc, k, is.Metadata.Name)
		r.policies[is.Metadata.Name] = placed[AlertPolicy]{doc, is}
	case kindAlertCondition:
		is := decode[AlertCondition](doc)
		r.name(doc, k, is.Metadata.Name)
		r.conditions[is.Metadata.Name] = placed[AlertCondition]{doc, is}
	case kindAlertNotificationTarget:
		is := decode[AlertNotificationTarget](doc)
		r.name(doc, k, is.Metadata.Name)
		r.targets[is.Metadata.Name] = placed[AlertNotificationTarget]{doc, is}
	case kindService:
		is := decode[Service](doc)
		r.name(doc, k, is.Metadata.Name)
		r.services[is.Metadata.Name] = placed[Service]{doc, is}
	case kindDataSource:
		is := decode[DataSource](doc)
		r.name(doc, k, is.Metadata.Name)
		r.sources[is.Metadata.Name] = placed[DataSource]{doc, is}
	default:
		p, _ := estate.OneOf("kind", k, kinds()...)
		doc.Problem(p)
	}
}

func decode[T any](doc *estate.Document) *T {
	is := new(T)
	doc.Decode(is)
	return is
}

// name reports a name that is used twice for one kind.
func (r *reader) name(doc *estate.Document, k kind, name string) {
	if name == "" {
		return
	}
	here := doc.Note(estate.Problem{Field: "metadata.name"})
	at := string(k) + "/" + name
	if before, twice := r.first[at]; twice {
		doc.Problem(estate.Problem{Field: "metadata.name", What: fmt.Sprintf("%q is the name of another %s, at %s", name, k, before), Remedy: "give each a name of its own"})
		return
	}
	r.first[at] = fmt.Sprintf("%s:%d", here.File, here.Line)
}

// references reports SLIs that are referred to and are nowhere: without them an
// SLO says nothing.
func (r *reader) references() {
	for _, s := range r.slos {
		refs := []struct{ field, name string }{{"spec.indicatorRef", s.is.Spec.IndicatorRef}}
		for i, o := range s.is.Spec.Objectives {
			refs = append(refs, struct{ field, name string }{fmt.Sprintf("spec.objectives[%d].indicatorRef", i), o.IndicatorRef})
		}
		for _, ref := range refs {
			if _, there := r.slis[ref.name]; ref.name != "" && !there {
				r.mistakes = append(r.mistakes, s.Note(estate.Problem{Field: ref.field, What: fmt.Sprintf("there is no SLI %q", ref.name), Remedy: "give its file, too"}))
			}
		}
	}
}

// isPrometheus tells by its type or that of its source whether a query is
// PromQL.
func (s *Set) isPrometheus(m MetricSource) bool {
	is := m.Type
	if source, ok := s.sources[m.MetricSourceRef]; ok {
		is = cmp.Or(is, source.is.Spec.Type)
	}
	return strings.EqualFold(is, "prometheus")
}

// query is what a metric asks its source.
func (m *Metric) query() string {
	asked, _ := m.MetricSource.Spec.Plain().(map[string]any)
	text, _ := asked["query"].(string)
	return strings.TrimSpace(text)
}
