// Package common holds the types that several panels and the dashboard share.
package common

import "encoding/json"

// A DataSourceRef names a data source by type and unique id; the id may be a
// variable: "${datasource}".
type DataSourceRef struct {
	Type *string `json:"type,omitempty"`
	Uid  *string `json:"uid,omitempty"`
}

// A BoolOrFloat64 is written as whichever of the two is set.
type BoolOrFloat64 struct {
	Bool    *bool
	Float64 *float64
}

// MarshalJSON implements json.Marshaler.
func (v BoolOrFloat64) MarshalJSON() ([]byte, error) {
	if v.Bool != nil {
		return json.Marshal(v.Bool)
	}
	return json.Marshal(v.Float64)
}
