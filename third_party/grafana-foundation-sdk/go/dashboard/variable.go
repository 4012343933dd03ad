package dashboard

import (
	"encoding/json"

	"github.com/grafana/grafana-foundation-sdk/go/common"
)

// VariableType is the kind of a variable.
type VariableType string

// Variable types.
const (
	VariableTypeQuery      VariableType = "query"
	VariableTypeDatasource VariableType = "datasource"
	VariableTypeConstant   VariableType = "constant"
	VariableTypeCustom     VariableType = "custom"
)

// VariableHide says what of a variable is shown.
type VariableHide int64

// What of a variable is shown.
const (
	VariableHideDontHide     VariableHide = 0
	VariableHideHideLabel    VariableHide = 1
	VariableHideHideVariable VariableHide = 2
)

// VariableRefresh says when a variable's values are read again.
type VariableRefresh int64

// When values are read again.
const (
	VariableRefreshNever              VariableRefresh = 0
	VariableRefreshOnDashboardLoad    VariableRefresh = 1
	VariableRefreshOnTimeRangeChanged VariableRefresh = 2
)

// VariableSort orders a variable's values.
type VariableSort int64

// Orders.
const (
	VariableSortDisabled         VariableSort = 0
	VariableSortAlphabeticalAsc  VariableSort = 1
	VariableSortAlphabeticalDesc VariableSort = 2
)

// A VariableModel is a variable of any type.
type VariableModel struct {
	Type        VariableType          `json:"type"`
	Name        string                `json:"name"`
	Label       *string               `json:"label,omitempty"`
	Hide        *VariableHide         `json:"hide,omitempty"`
	Description *string               `json:"description,omitempty"`
	Query       *StringOrMap          `json:"query,omitempty"`
	Datasource  *common.DataSourceRef `json:"datasource,omitempty"`
	Current     *VariableOption       `json:"current,omitempty"`
	Multi       *bool                 `json:"multi,omitempty"`
	IncludeAll  *bool                 `json:"includeAll,omitempty"`
	AllValue    *string               `json:"allValue,omitempty"`
	Refresh     *VariableRefresh      `json:"refresh,omitempty"`
	Sort        *VariableSort         `json:"sort,omitempty"`
	Regex       *string               `json:"regex,omitempty"`
	Definition  *string               `json:"definition,omitempty"`
}

// A VariableOption is one value of a variable.
type VariableOption struct {
	Selected *bool                 `json:"selected,omitempty"`
	Text     StringOrArrayOfString `json:"text"`
	Value    StringOrArrayOfString `json:"value"`
}

// A StringOrMap is whichever of the two is set.
type StringOrMap struct {
	String *string
	Map    map[string]any
}

// MarshalJSON implements json.Marshaler.
func (v StringOrMap) MarshalJSON() ([]byte, error) {
	if v.String != nil {
		return json.Marshal(v.String)
	}
	return json.Marshal(v.Map)
}

// A StringOrArrayOfString is whichever of the two is set.
type StringOrArrayOfString struct {
	String        *string
	ArrayOfString []string
}

// MarshalJSON implements json.Marshaler.
func (v StringOrArrayOfString) MarshalJSON() ([]byte, error) {
	if v.String != nil {
		return json.Marshal(v.String)
	}
	return json.Marshal(v.ArrayOfString)
}
