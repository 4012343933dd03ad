package estate

import "fmt"

// Texts are several texts, of which one alone may be written without a list.
type Texts []string

func (ts *Texts) decodeNode(d *decoder, n node, path string) {
	items, one := n.items, n.shape != sequence
	if one {
		items = []node{n}
	}
	for i, item := range items {
		at := path
		if !one {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		d.places[at] = item.place()
		if d.is(item, text, at, "text, or a list of texts") {
			*ts = append(*ts, d.plain(item, at))
		}
	}
}
