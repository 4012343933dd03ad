package odoo

import (
	"bytes"
	"encoding/json"
	"math"
)

// Odoo writes false for whatever is empty. These types read that as zero.

// A reference is a many2one: [id, display name]. The name is not kept.
type reference int64

// UnmarshalJSON implements json.Unmarshaler.
func (r *reference) UnmarshalJSON(b []byte) error {
	*r = 0
	if isFalse(b) {
		return nil
	}
	var id int64
	if json.Unmarshal(b, &id) == nil { // bare, as some reads give it
		*r = reference(id)
		return nil
	}
	var pair []json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) == 0 {
		return nil
	}
	return json.Unmarshal(pair[0], (*int64)(r))
}

// A text is a string or a date.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = ""
	if isFalse(b) {
		return nil
	}
	return json.Unmarshal(b, (*string)(t))
}

// A count is how many records a relation has.
type count int

// UnmarshalJSON implements json.Unmarshaler.
func (c *count) UnmarshalJSON(b []byte) error {
	*c = 0
	if isFalse(b) {
		return nil
	}
	var ids []json.RawMessage
	if err := json.Unmarshal(b, &ids); err != nil {
		return err
	}
	*c = count(len(ids))
	return nil
}

// An amount is a monetary value. Amounts are compared, never shown.
type amount float64

// UnmarshalJSON implements json.Unmarshaler.
func (a *amount) UnmarshalJSON(b []byte) error {
	*a = 0
	if isFalse(b) {
		return nil
	}
	return json.Unmarshal(b, (*float64)(a))
}

// equals compares to the thousandth, finer than any currency's unit that is
// used here.
func (a amount) equals(b amount) bool { return math.Abs(float64(a-b)) < 0.0005 }

// rounded is a in whole units, halves away from zero, as Odoo rounds to the
// smallest coin of a currency. A unit of 0 rounds nothing.
func (a amount) rounded(unit amount) amount {
	if unit <= 0 {
		return a
	}
	return amount(math.Round(float64(a/unit))) * unit
}

func isFalse(b []byte) bool {
	b = bytes.TrimSpace(b)
	return bytes.Equal(b, []byte("false")) || bytes.Equal(b, []byte("null"))
}
