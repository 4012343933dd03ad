package traefik

import (
	"testing"
	"time"
)

func TestLinesOfTraefiksOwnLog(t *testing.T) {
	at := time.Date(2026, 11, 22, 2, 10, 19, 0, time.UTC)
	tests := map[string]struct {
		line string
		want string // what it is about, "started", "quiet", or "" of a line that is not one
	}{
		"3, JSON, broken file":  {`{"level":"error","error":"yaml: line 3: did not find expected key","providerName":"file","time":"2026-11-22T02:10:19Z","message":"Error occurred during watcher callback"}`, "configuration"},
		"3, text, broken file":  {`2026-11-22T02:10:19Z ERR Error occurred during watcher callback error="yaml: line 3: did not find expected key" providerName=file`, "configuration"},
		"3, in colour":          {"\x1b[90m2026-11-22T02:10:19Z\x1b[0m \x1b[31mERR\x1b[0m Error occurred during watcher callback \x1b[36merror=\x1b[0m\x1b[31m\x1b[1m\"yaml\"\x1b[0m \x1b[36mproviderName=\x1b[0mfile", "configuration"},
		"3, with its source":    {`2026-11-22T02:10:19Z ERR github.com/traefik/traefik/v3/pkg/provider/file/file.go:130 > Error occurred during watcher callback error="yaml" providerName=file`, "configuration"},
		"2, text, broken file":  {`time="2026-11-22T02:10:19Z" level=error msg="Error occurred during watcher callback: /etc/traefik/dynamic.yml: yaml: line 3" providerName=file`, "configuration"},
		"2, JSON, broken file":  {`{"level":"error","msg":"Error occurred during watcher callback: /etc/traefik/dynamic.yml: yaml: line 3","providerName":"file","time":"2026-11-22T02:10:19Z"}`, "configuration"},
		"2, at the start":       {`time="2026-11-22T03:10:19+01:00" level=error msg="Cannot start the provider *file.Provider: unable to read directory /etc/traefik: not a directory"`, "configuration"},
		"3, at the start":       {`2026-11-22T02:10:19Z ERR Cannot start the provider *file.Provider error="yaml: line 3"`, "configuration"},
		"3, service missing":    {`{"level":"error","entryPointName":"web","routerName":"erp@file","error":"the service \"odoo@file\" does not exist","time":"2026-11-22T02:10:19Z"}`, "router"},
		"3, text, missing":      {`2026-11-22T02:10:19Z ERR error="the service \"odoo@file\" does not exist" entryPointName=web routerName=erp@file`, "router"},
		"2, middleware":         {`time="2026-11-22T02:10:19Z" level=error msg="middleware \"gz@file\" does not exist" entryPointName=web routerName=erp@file`, "router"},
		"2, ACME":               {`time="2026-11-22T02:10:19Z" level=error msg="Unable to obtain ACME certificate for domains \"erp.example.com\": unable to generate a certificate" providerName=le.acme routerName=erp@docker rule="Host(` + "`erp.example.com`" + `)"`, "certificate"},
		"3, renewal":            {`{"level":"error","providerName":"le.acme","acmeCA":"https://acme-v02.api.letsencrypt.org/directory","error":"context deadline exceeded","time":"2026-11-22T02:10:19Z","message":"Error renewing certificate from LE: {erp.example.com []}"}`, "certificate"},
		"3, certificate file":   {`2026-11-22T02:10:19Z ERR Unable to append certificate to store error="tls: failed to find any PEM data" tlsStoreName=default`, "certificate"},
		"3, Docker is away":     {`2026-11-22T02:10:19Z ERR Provider error, retrying in 1.2s error="Cannot connect to the Docker daemon" providerName=docker`, "provider"},
		"2, Docker is away":     {`time="2026-11-22T02:10:19Z" level=error msg="Provider connection error Cannot connect to the Docker daemon, retrying in 498ms" providerName=docker`, "provider"},
		"3, anything else":      {`{"level":"error","error":"permission denied","time":"2026-11-22T02:10:19Z","message":"Unable to open the file"}`, "other"},
		"3, fatal":              {`2026-11-22T02:10:19Z FTL Command traefik error`, "other"},
		"3, its first line":     {`2026-11-22T02:10:19Z INF Traefik version 3.6.12 built on 2026-10-01T10:00:00Z version=3.6.12`, "started"},
		"2, its first line":     {`time="2026-11-22T02:10:19Z" level=info msg="Traefik version 2.11.8 built on 2024-08-06T13:14:05Z"`, "started"},
		"3, JSON, first line":   {`{"level":"info","version":"3.6.12","time":"2026-11-22T02:10:19Z","message":"Traefik version 3.6.12 built on 2026-10-01T10:00:00Z"}`, "started"},
		"3, a warning":          {`2026-11-22T02:10:19Z WRN Health check failed. error="HTTP request failed" serviceName=odoo@file`, "quiet"},
		"2, a warning":          {`time="2026-11-22T02:10:19Z" level=warning msg="Health check failed"`, "quiet"},
		"the rest of a message": {"Stats collection is disabled.", ""},
		"of an access log":      {`{"DownstreamStatus":200,"Duration":1,"RequestPath":"/","level":"info","msg":"","time":"2026-11-22T02:10:19Z"}`, ""},
		"of the common log":     {`127.0.0.1 - - [22/Nov/2026:02:10:37 +0000] "GET /ok HTTP/1.1" 200 7 "-" "-" 1 "app@file" "http://127.0.0.1:19002" 1ms`, ""},
		"torn":                  {`time="2026-11-22T02:10:19Z`, ""},
		"torn JSON":             {`{"level":"error","time":"2026-`, ""},
		"empty":                 {"", ""},
		"only an escape":        {"\x1b", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, ok := parseOwn([]byte(tt.line))
			got := ""
			switch {
			case !ok:
			case l.failed:
				got = troubleNames[l.about]
			case l.started:
				got = "started"
			default:
				got = "quiet"
			}
			if got != tt.want {
				t.Errorf("is %q, want %q", got, tt.want)
			}
			if ok && !l.at.Equal(at) {
				t.Errorf("at %v, want %v", l.at, at)
			}
		})
	}
}

func FuzzParseOwn(f *testing.F) {
	f.Add([]byte(`2026-11-22T02:10:19Z ERR error="x" routerName=y`))
	f.Add([]byte(`time="2026-11-22T02:10:19Z" level=error msg="x" providerName=y`))
	f.Add([]byte("\x1b[90m2026"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, ok := parseOwn(b); ok && l.about >= troubles {
			t.Errorf("about %d", l.about)
		}
	})
}
