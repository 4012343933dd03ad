package redis

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
)

// certificate writes a certificate for 127.0.0.1 that nobody vouches for.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600))
	return cert, key
}

func TestTLS(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	cert, key := certificate(t, t.TempDir())
	addr, err := l.FreeAddr()
	must(t, err)
	_, tlsPort, err := net.SplitHostPort(addr)
	must(t, err)
	r := startRedis(t, l, lab.RedisOptions{Args: []string{"--tls-port", tlsPort, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no"}})
	t.Run("a certificate nobody vouches for", func(t *testing.T) {
		tasks, _ := watch(t, "rediss://"+addr+"/0")
		becomes(t, tasks["server"], "refused for its certificate", func(p published) bool {
			return is("redis_up", 0)(p) && fault.KindOf(p.err) == fault.TLS
		})
	})
	t.Run("TLS to a server without", func(t *testing.T) {
		tasks, _ := watch(t, "rediss://"+r.Addr+"/0")
		p := becomes(t, tasks["server"], "down", is("redis_up", 0))
		// The server takes the greeting for the beginning of a command and waits.
		if kind := fault.KindOf(p.err); kind != fault.TLS && kind != fault.Unreachable && kind != fault.Timeout {
			t.Errorf("Collect() = %v (kind %s), want kind tls, unreachable or timeout", p.err, kind)
		}
	})
	t.Run("one that is not checked", func(t *testing.T) {
		tasks, _ := watch(t, "rediss://"+addr+"/0?skip_verify=true")
		becomes(t, tasks["server"], "up", is("redis_up", 1))
		becomes(t, tasks["server"], "read", func(p published) bool { return p.values["redis_read_duration_seconds"] >= 2 })
		p := collectAll(t, tasks["info"])
		must(t, p.err)
		if n := p.values["redis_connections_received_total"]; n > 6 {
			t.Errorf("%v connections for a few questions: it connects anew for each", n)
		}
	})
}

// An answer that comes byte by byte and never ends takes no longer than the
// deadline.
func TestAnswerThatNeverEnds(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go dribble(conn)
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	tasks, _ := watch(t, "redis://"+listener.Addr().String()+"/0")
	if p := collectAll(t, tasks["info"]); fault.KindOf(p.err) != fault.Timeout || len(p.values) > 0 {
		t.Errorf("Collect() = %v (kind %s) and %v, want kind timeout and nothing", p.err, fault.KindOf(p.err), p.values)
	}
	becomes(t, tasks["server"], "up, as PINGs are answered", is("redis_up", 1))
}

// dribble answers everything at once but INFO.
func dribble(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		word := strings.ToUpper(strings.TrimSpace(line))
		answer := map[string]string{"HELLO": "-ERR unknown command\r\n", "CLIENT": "+OK\r\n", "PING": "+PONG\r\n", "GET": "$-1\r\n"}[word]
		if word == "INFO" {
			answer = "$1000000\r\n"
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
		for word == "INFO" {
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
			<-time.After(5 * time.Millisecond)
		}
	}
}
