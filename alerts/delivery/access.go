package delivery

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/closewatch/closewatch/internal/fault"
)

// An Access is what a server that is called wants to see, and the way to it.
// The zero value calls it directly, trusts the system's authorities and shows
// nothing. It is never printed.
type Access struct {
	Username, Password string // basic authentication
	Bearer             string // a token, instead
	CA                 string // PEM file of the authorities to trust
	Certificate, Key   string // PEM files of ours, for servers that want one
	ServerName         string // in the server's certificate; the host's
	Proxy              string // URL of the one proxy to go through
}

// TLS reads the files of a. Its error is a *fault.Error.
func (a Access) TLS() (*tls.Config, error) {
	out := &tls.Config{ServerName: a.ServerName, MinVersion: tls.VersionTLS12}
	if a.CA != "" {
		pem, err := os.ReadFile(a.CA)
		if err != nil {
			return nil, unreadable(err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, unreadable(fmt.Errorf("%s holds no PEM certificate", a.CA))
		}
	}
	if a.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(a.Certificate, a.Key)
		if err != nil {
			return nil, unreadable(err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

func unreadable(err error) error {
	return &fault.Error{
		Op: "read the TLS files of notifications", Kind: cmp.Or(fault.Classify(err), fault.Internal), Err: err,
		Hint: "write the PEM file there, readable by the daemon's user",
	}
}

// Transport returns what requests go through. Its error is a *fault.Error.
func (a Access) Transport() (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.MaxResponseHeaderBytes = maxAnswer
	var err error
	if t.TLSClientConfig, err = a.TLS(); err != nil {
		return nil, err
	}
	if a.Proxy != "" {
		proxy, err := url.Parse(a.Proxy)
		if err != nil || proxy.Host == "" {
			return nil, &fault.Error{Op: "use the proxy of notifications", Kind: fault.Schema, Err: errors.New("its address is not a URL"), Hint: "write a URL such as http://proxy.example.com:3128"}
		}
		t.Proxy = http.ProxyURL(proxy)
		t.OnProxyConnectResponse = connected
	}
	return authorized{t, a}, nil
}

// authorized shows who asks, where a request does not say so itself.
type authorized struct {
	*http.Transport
	access Access
}

// RoundTrip implements http.RoundTripper.
func (t authorized) RoundTrip(req *http.Request) (*http.Response, error) {
	a := t.access
	if (a.Bearer == "" && a.Username == "") || req.Header.Get("Authorization") != "" {
		return t.Transport.RoundTrip(req)
	}
	req = req.Clone(req.Context())
	if a.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+a.Bearer)
	} else {
		req.SetBasicAuth(a.Username, a.Password)
	}
	return t.Transport.RoundTrip(req)
}

// connected says why a proxy does not let a request through.
func connected(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	f := &fault.Error{Op: "go through the proxy at " + proxy.Host, Err: &answered{status: resp.StatusCode}, Hint: "let the proxy connect us to that host and port"}
	f.Kind, _ = kindOf(resp.StatusCode)
	if f.Kind == fault.Auth {
		f.Hint = unknownToProxy
	}
	return f
}

// unknownToProxy is what to do when a proxy wants to know who asks.
const unknownToProxy = "check the user and password in the proxy's URL"

// reaching is what to do about a server that cannot be reached, by why it
// cannot. where is the part of the estate that says how to.
func reaching(err error, where string) string {
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "proxyconnect" {
		return "check that the proxy of " + where + " runs and can be reached"
	}
	switch fault.KindOf(err) {
	case fault.DNS:
		return "check the name of the host in " + where
	case fault.TLS:
		return "write the authority that signed its certificate as tls.ca of " + where + ", or the name in it as tls.serverName; of a server without TLS change the address"
	default:
		return "check that it runs and can be reached from here"
	}
}

// unreached describes why a server could not be reached.
func unreached(op string, err error, where string) *fault.Error {
	f := &fault.Error{Op: op, Kind: fault.KindOf(err), Err: err}
	if errors.Is(err, http.ErrSchemeMismatch) {
		f.Kind = fault.TLS
	}
	f.Hint = cmp.Or(fault.HintOf(err), reaching(f, where))
	return f
}

// A Trial is what was found out of a Channel without sending anything by it.
type Trial struct {
	Text  string // how it answers
	Doubt string // what to look at all the same; "" when nothing is in doubt
}
