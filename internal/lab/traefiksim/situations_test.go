package traefiksim_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"testing"
	"time"
)

// A situation is something that was recorded, and how to bring it about
// again.
type situation struct {
	name     string
	recorded uint64 // RequestCount of its line in testdata
	act      func(*testing.T, *rig)
}

// situations are in the order of the recording, which matters for the rate
// limit.
func situations() []situation {
	calling := func(c call) func(*testing.T, *rig) {
		return func(t *testing.T, r *rig) {
			t.Helper()
			r.send(t, c)
		}
	}
	anyServer := func(version uint16) *tls.Config {
		return &tls.Config{
			InsecureSkipVerify: true, MaxVersion: version,
			CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		}
	}
	return []situation{
		{"get", 1, calling(call{path: "/ok"})},
		{"post with a query string", 4, calling(call{
			method: http.MethodPost, path: "/web/login?db=x&token=anything", body: "a=b",
			headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		})},
		{"404 from the backend", 5, calling(call{path: "/404"})},
		{"500 from the backend", 6, calling(call{path: "/500"})},
		{"301 from the backend", 8, calling(call{path: "/301"})},
		{"head", 10, calling(call{method: http.MethodHead, path: "/ok"})},
		{"nothing listens", 11, calling(call{path: "/dead"})},
		{"no healthy server", 12, calling(call{path: "/unhealthy"})},
		{"backend closes without answering", 13, calling(call{path: "/reset"})},
		{"backend cuts its answer off", 14, calling(call{path: "/trunc", mayFail: true})},
		{"backend is silent for too long", 23, calling(call{path: "/slow/timeout"})},
		{"client leaves while waiting", 25, calling(call{path: "/slow/abort", patience: 50 * time.Millisecond})},
		{"credentials missing", 26, calling(call{path: "/auth"})},
		{"credentials accepted", 27, calling(call{
			path: "/auth", headers: map[string]string{"Authorization": "Basic dGVzdDpvcGVuIHNlc2FtZQ=="},
		})},
		{"within the rate limit", 28, calling(call{path: "/limited"})},
		{"beyond the rate limit", 29, calling(call{path: "/limited"})},
		{"tls 1.3 with a host name", 42, calling(call{
			entryPoint: "websecure", path: "/web", host: "erp.example.test", tls: anyServer(tls.VersionTLS13),
		})},
		{"tls 1.2", 43, calling(call{entryPoint: "websecure", path: "/ok", tls: anyServer(tls.VersionTLS12)})},
		{"quotes in path, referer and agent", 44, calling(call{
			path: "/weird%20path/%22q%22?x=%22y%22", host: "erp.example.test",
			headers: map[string]string{
				"Referer": `http://ref/"x`, "User-Agent": `bed "quoted" agent`,
				"Traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			},
		})},
		{"redirect by the proxy", 45, calling(call{path: "/tohttps"})},
		{"webdav method", 46, calling(call{method: "PROPFIND", path: "/ok"})},
		{"unknown method", 47, calling(call{method: "FOOBAR", path: "/ok"})},
		{"no router", 48, calling(call{entryPoint: "unrouted", path: "/ok", tls: anyServer(tls.VersionTLS13)})},
		{"client leaves during its upload", 50, abortUpload},
		{"websocket", 49, chat},
	}
}

func abortUpload(t *testing.T, r *rig) {
	t.Helper()
	conn, _ := r.dial(t, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\npartial")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

func chat(t *testing.T, r *rig) {
	t.Helper()
	conn, answer := openChat(t, r)
	_, _ = io.WriteString(conn, "bye")
	_, _ = io.Copy(io.Discard, answer)
	_ = conn.Close()
}
