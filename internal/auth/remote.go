package auth

import (
	"net"
	"net/http"
	"net/netip"
)

// Classes of addresses, as events name them: an address is personal data.
const (
	here    = "loopback"
	private = "private"
	public  = "public"
)

// A remote is the other end of a connection. The zero remote is unknown and
// counts as public.
type remote struct{ addr netip.Addr }

func remoteOf(r *http.Request) remote {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return remote{}
	}
	return remote{at.Addr().Unmap().WithZone("")}
}

func (f remote) class() string {
	switch {
	case f.addr.IsLoopback():
		return here
	case f.addr.IsPrivate(), f.addr.IsLinkLocalUnicast():
		return private
	}
	return public
}

// neighbourhood is what attempts are counted for: an address, or the /64 that
// a single owner of IPv6 addresses has (RFC 6177, section 2).
func (f remote) neighbourhood() netip.Addr {
	if f.addr.Is6() {
		if p, err := f.addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return f.addr
}

// ownName reports whether a request without credentials was sent to a name
// that is this daemon's. A page whose name was made to lead to 127.0.0.1 (DNS
// rebinding) names itself. From elsewhere any name is right: whoever may read
// there may read all.
func (g *Guard) ownName(r *http.Request) bool {
	if remoteOf(r).class() != here {
		return true
	}
	host := hostOf(r.Host)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback() || g.names[host]
}

// hostOf is host:port without the port, which may be missing, and without the
// brackets of an IPv6 address.
func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	return lower(host)
}
