// Package variants holds the contracts that data source packages fulfil.
package variants

// A Dataquery is one query of a panel, whatever its data source.
type Dataquery interface {
	ImplementsDataqueryVariant()
	Equals(other Dataquery) bool
	Validate() error
	DataqueryType() string
}
