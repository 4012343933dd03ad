package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"sync"
)

// maxKnown bounds how many pairs of address and credentials are remembered.
const maxKnown = 1024

type knownKey [sha256.Size]byte

// known remembers which credentials were right from which address, by a digest
// under a key of its own. When it is full, the oldest is forgotten: it is
// computed anew. It is safe for concurrent use.
type known struct {
	seed []byte

	mu    sync.Mutex
	who   map[knownKey]identity
	order []knownKey // a ring once it is full
	next  int
}

func newKnown() *known {
	seed := make([]byte, sha256.Size)
	_, _ = rand.Read(seed) // never fails: see its documentation
	return &known{seed: seed, who: map[knownKey]identity{}}
}

func (k *known) key(from netip.Addr, credentials string) knownKey {
	mac := hmac.New(sha256.New, k.seed)
	address := from.As16()
	mac.Write(address[:])
	mac.Write([]byte(credentials))
	return knownKey(mac.Sum(nil))
}

func (k *known) get(key knownKey) (identity, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	who, ok := k.who[key]
	return who, ok
}

func (k *known) put(key knownKey, who identity) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, had := k.who[key]; had {
		return
	}
	if len(k.order) < maxKnown {
		k.order = append(k.order, key)
	} else {
		delete(k.who, k.order[k.next])
		k.order[k.next] = key
		k.next = (k.next + 1) % maxKnown
	}
	k.who[key] = who
}
