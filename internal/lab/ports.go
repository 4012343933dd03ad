package lab

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"

	"github.com/closewatch/closewatch/internal/fault"
)

// ports hands out free ports of 127.0.0.1 outside the range from which the
// kernel takes the ports of outgoing connections, so that a stopped server
// finds its port free when it comes back.
type ports struct {
	mu    sync.Mutex
	given map[int]bool
}

// lowestPort keeps clear of well-known ones.
const lowestPort = 10000

// next returns a port on which nothing listened a moment ago and that this
// lab has not given out before.
func (p *ports) next() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.given == nil {
		p.given = map[int]bool{}
	}
	low, high := portRange(os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"))
	span := high - low
	offset := rand.IntN(span)
	for i := range span {
		port := low + (offset+i)%span
		if p.given[port] || !free(port) {
			continue
		}
		p.given[port] = true
		return port, nil
	}
	return 0, &fault.Error{Op: fmt.Sprintf("find a free port from %d to %d", low, high-1), Kind: fault.Limit}
}

// portRange is where to look, given the kernel's "low high" of its own range:
// below it or, when there is too little room, above. high is exclusive.
func portRange(data []byte, err error) (low, high int) {
	kernelLow, kernelHigh := 32768, 60999
	if err == nil {
		if _, err := fmt.Sscan(string(data), &kernelLow, &kernelHigh); err != nil {
			kernelLow, kernelHigh = 32768, 60999
		}
	}
	const room = 1000
	switch {
	case kernelLow-lowestPort >= room:
		return lowestPort, kernelLow
	case 65535-kernelHigh >= room:
		return kernelHigh + 1, 65536
	default:
		return lowestPort, 65536
	}
}

func free(port int) bool {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
