package scenario

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/closewatch/closewatch/internal/estate"
)

// Schema is the JSON Schema of a scenario, for editors. It is made of the types
// that Parse fills, so that the two cannot differ.
func Schema() []byte {
	s := schemaOf(reflect.TypeFor[Scenario]())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Closewatch scenario"
	s["required"] = []string{"name", "start", "steps"}
	body, _ := json.MarshalIndent(s, "", "  ") // maps and texts only
	return append(body, '\n')
}

type object = map[string]any

func schemaOf(t reflect.Type) object {
	switch {
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem())
	case t == reflect.TypeFor[estate.Section]():
		return object{"type": "object"}
	case t == reflect.TypeFor[Value](), t == reflect.TypeFor[Entries]():
		return object{"type": []string{"string", "number"}}
	case t == reflect.TypeFor[Tier]():
		return object{"enum": []string{"none", "informational", "degradation", "business-critical"}}
	case t == reflect.TypeFor[State]():
		return object{"enum": []string{"ok", "warning", "critical", "unknown"}}
	case t == reflect.TypeFor[Health]():
		return object{"enum": []Health{Well, Down, Unknown}}
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()), t.Kind() == reflect.String:
		return object{"type": "string"}
	case t.Kind() == reflect.Bool:
		return object{"type": "boolean"}
	case t.Kind() == reflect.Int:
		return object{"type": "integer"}
	case t.Kind() == reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem())}
	case t.Kind() == reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	}
	properties := object{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		p := schemaOf(f.Type)
		p["description"] = f.Tag.Get("doc")
		properties[name] = p
	}
	return object{"type": "object", "additionalProperties": false, "properties": properties}
}
