package routing

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// A Setting is one of a receiver's configuration.
type Setting struct {
	In    string // a map of the configuration that it is one of: "details"; "" is none
	Name  string
	Value any
}

// A Wording is how receivers of a sort speak where whoever wrote them says nothing
// of it.
type Wording struct {
	Config   string // "slack_configs"
	Settings []Setting
}

// Worded returns the book with wordings where its receivers have none, and the
// names of those that speak by them. A setting that the book has stays as it is,
// also when it is empty.
func (b Book) Worded(all []Wording) (worded Book, by []string) {
	for _, r := range b.entries {
		r, speaks := slices.Clone(r), false
		for i, kind := range r {
			configs, is := kind.Value.([]any)
			w := slices.IndexFunc(all, func(w Wording) bool { return w.Config == kind.Key })
			if !is || w < 0 {
				continue
			}
			configs = slices.Clone(configs)
			for j, config := range configs {
				if was, is := config.(yaml.MapSlice); is {
					now, added := with(was, all[w].Settings)
					configs[j], speaks = now, speaks || added
				}
			}
			r[i].Value = configs
		}
		if speaks {
			by = append(by, nameOf(r))
		}
		worded.entries = append(worded.entries, r)
	}
	return worded, by
}

// with adds the settings that a configuration lacks, and reports whether there are
// such.
func with(config yaml.MapSlice, settings []Setting) (_ yaml.MapSlice, added bool) {
	config = slices.Clone(config)
	add := func(m yaml.MapSlice, name string, value any) yaml.MapSlice {
		if place(m, name) >= 0 {
			return m
		}
		added = true
		return append(m, yaml.MapItem{Key: name, Value: value})
	}
	for _, s := range settings {
		if s.In == "" {
			config = add(config, s.Name, s.Value)
			continue
		}
		config = add(config, s.In, yaml.MapSlice{})
		in := &config[place(config, s.In)]
		if m, is := in.Value.(yaml.MapSlice); is || in.Value == nil {
			in.Value = add(slices.Clone(m), s.Name, s.Value)
		}
	}
	return config, added
}

// place finds a key. Alertmanager takes those of headers in capitals or not for the
// same, and refuses both.
func place(m yaml.MapSlice, name string) int {
	return slices.IndexFunc(m, func(x yaml.MapItem) bool {
		key, is := x.Key.(string)
		return is && strings.EqualFold(key, name)
	})
}
