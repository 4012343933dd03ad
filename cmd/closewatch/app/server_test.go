package app

import (
	"net"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/fault"
)

func TestListenStaysOnThisMachine(t *testing.T) {
	tests := map[string]struct {
		address string
		kind    fault.Kind // "" listens
		want    string
	}{
		"IPv4 loopback":        {address: "127.0.0.1:0"},
		"another loopback":     {address: "127.0.0.2:0"},
		"localhost":            {address: "localhost:0"},
		"every interface":      {":0", fault.Blocked, "can be reached from other machines"},
		"every IPv4 interface": {"0.0.0.0:0", fault.Blocked, "can be reached from other machines"},
		"every IPv6 interface": {"[::]:0", fault.Blocked, "can be reached from other machines"},
		"an address of a net":  {"192.0.2.1:9977", fault.Blocked, "can be reached from other machines"},
		"a name":               {"closewatch.example.com:9977", fault.Blocked, "can be reached from other machines"},
		"no port":              {"127.0.0.1", fault.Internal, "missing port"},
		"a port that is none":  {"127.0.0.1:99999", fault.Internal, "invalid port"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := listen(t.Context(), tt.address)
			if l != nil {
				defer func() { _ = l.Close() }() // nothing was accepted
			}
			if tt.kind == "" {
				if err != nil {
					t.Fatal(err)
				}
				if host, _, _ := net.SplitHostPort(l.Addr().String()); !net.ParseIP(host).IsLoopback() {
					t.Errorf("listens on %s", l.Addr())
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || fault.HintOf(err) == "" {
				t.Errorf("listen = %v, want %s with a hint", err, tt.want)
			}
			if tt.kind == fault.Blocked && fault.KindOf(err) != fault.Blocked {
				t.Errorf("kind = %s, want %s", fault.KindOf(err), tt.kind)
			}
		})
	}
}
