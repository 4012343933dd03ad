package traefik

import (
	"cmp"
	"maps"
	"slices"
)

// maxUnlisted bounds the model methods without a label that are told apart.
const maxUnlisted = 200

// unlisted counts requests by a model method that has no label of its own. Its
// zero value is ready to use.
type unlisted struct{ seen map[string]*uint64 }

// add counts one request. It allocates only for a method that is new.
func (u *unlisted) add(method []byte) {
	if n := u.seen[string(method)]; n != nil {
		*n++
		return
	}
	if len(u.seen) >= maxUnlisted || !looksLikeMethod(method) {
		return
	}
	if u.seen == nil {
		u.seen = map[string]*uint64{}
	}
	n := uint64(1)
	u.seen[string(method)] = &n
}

// most are the methods that were called at least so often, the most frequent
// first.
func (u *unlisted) most(atLeast uint64) []string {
	names := slices.DeleteFunc(slices.Collect(maps.Keys(u.seen)), func(name string) bool { return *u.seen[name] < atLeast })
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(*u.seen[b], *u.seen[a]), cmp.Compare(a, b)) })
	return names
}

// looksLikeMethod reports whether b is a name that may be shown: model/method
// in small letters, digits, dots and underscores, as Odoo's are.
func looksLikeMethod(b []byte) bool {
	slashes := 0
	for _, c := range b {
		switch {
		case c == '/':
			slashes++
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '_':
		default:
			return false
		}
	}
	return slashes == 1 && len(b) <= 100 && b[0] >= 'a' && b[len(b)-1] != '/'
}
