package odoorpc

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
)

const invoicePDF = "/report/pdf/account.report_invoice/7"

func servePDF(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/pdf")
	_, _ = io.WriteString(w, "%PDF-1.4 content")
}

func TestGetFetchesADocumentWithTheSession(t *testing.T) {
	f := newFake(t)
	f.call = func(w http.ResponseWriter, r *http.Request, cookie string, _ map[string]any) {
		if r.Method != http.MethodGet || r.URL.Path != invoicePDF || cookie != "session1" {
			t.Errorf("%s %s with cookie %q", r.Method, r.URL.Path, cookie)
		}
		servePDF(w)
	}
	c := client(t, f)
	for range 2 {
		page, err := c.Get(t.Context(), "print the invoice", invoicePDF, 1<<20)
		if err != nil || page.Status != http.StatusOK || !strings.HasPrefix(string(page.Body), "%PDF") || page.Header.Get("Content-Type") != "application/pdf" {
			t.Fatalf("Get() = %+v, %v", page, err)
		}
	}
	if n := f.logins.Load(); n != 1 {
		t.Errorf("logged in %d times, want once", n)
	}
}

func TestGetLogsInAgainWhenSentToTheLoginPage(t *testing.T) {
	f := newFake(t)
	toLoginPage := func(w http.ResponseWriter) {
		w.Header().Set("Location", "/web/login?redirect=%2Freport%2Fpdf")
		w.WriteHeader(http.StatusSeeOther)
	}
	f.call = func(w http.ResponseWriter, _ *http.Request, cookie string, _ map[string]any) {
		if cookie == "session1" {
			toLoginPage(w)
			return
		}
		servePDF(w)
	}
	c := client(t, f)
	if _, err := c.Get(t.Context(), "print", invoicePDF, 1<<20); err != nil || f.logins.Load() != 2 {
		t.Errorf("Get() = %v after %d logins, want a document after 2", err, f.logins.Load())
	}
	f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) { toLoginPage(w) }
	if _, err := c.Get(t.Context(), "print", invoicePDF, 1<<20); fault.KindOf(err) != fault.Auth || f.logins.Load() != 3 {
		t.Errorf("Get() = %v after %d logins, want auth after one more", err, f.logins.Load())
	}
}

func TestGetOfWhatIsNoDocument(t *testing.T) {
	page := func(status int, kind, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	const html = "text/html; charset=utf-8"
	tests := map[string]struct {
		answer func(http.ResponseWriter)
		want   fault.Kind
	}{
		"an exception up to 18":       {page(400, html, "<!DOCTYPE html>Jane"), fault.Rejected},
		"an exception from 19 on":     {page(422, html, "<!DOCTYPE html>Jane"), fault.Rejected},
		"no right":                    {page(403, html, "<!DOCTYPE html>Jane"), fault.Denied},
		"no such page or no database": {page(404, html, "<!DOCTYPE html>Jane"), fault.Unavailable},
		"a traceback":                 {page(500, html, "<html>Jane"), fault.Unavailable},
		"a gateway":                   {page(502, html, ""), fault.Unavailable},
		"a page instead":              {page(200, html, "<!doctype html>Jane"), fault.Unavailable},
		"a page under another type":   {page(200, "application/pdf", "<!DOCTYPE HTML>Jane"), fault.Unavailable},
		"longer than is wanted":       {page(200, "application/pdf", strings.Repeat("a", 2000)), fault.Schema},
		"the selector of a lost tenant": {func(w http.ResponseWriter) {
			w.Header().Set("Location", "/web/database/selector")
			w.WriteHeader(http.StatusSeeOther)
		}, fault.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) { tt.answer(w) }
			got, err := client(t, f).Get(t.Context(), "print the invoice", invoicePDF+"?token=abc", 1000)
			if kind := fault.KindOf(err); kind != tt.want || f.logins.Load() != 1 {
				t.Errorf("Get() = %v, kind %s after %d logins, want %s after one", err, kind, f.logins.Load(), tt.want)
			}
			if tt.want != fault.Schema && got.Status == 0 {
				t.Error("what came instead is not returned")
			}
			shape, ok := Exchange(err)
			if !ok || strings.Contains(err.Error()+shape, "Jane") || strings.Contains(shape, "abc") {
				t.Errorf("the error says too much or has no exchange: %v\n%s", err, shape)
			}
			if diff := cmp.Diff("GET /report/pdf/account.report_invoice/#", strings.Split(shape, "\n")[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGetTakesLongerThanACall(t *testing.T) {
	f := newFake(t)
	c := client(t, f)
	printing, mayPrint := make(chan struct{}), make(chan struct{})
	f.call = func(w http.ResponseWriter, r *http.Request, _ string, _ map[string]any) {
		if r.Method != http.MethodGet {
			<-r.Context().Done()
			return
		}
		close(printing)
		<-mayPrint
		servePDF(w)
	}
	if _, err := c.UserID(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.cfg.Timeout = estate.Duration(30 * time.Millisecond)
	printed := make(chan error, 1)
	go func() {
		_, err := c.Get(t.Context(), "print", invoicePDF, 1<<20)
		printed <- err
	}()
	<-printing
	if err := c.Call(t.Context(), "res.users", "read", nil, nil, nil); fault.KindOf(err) != fault.Timeout {
		t.Errorf("Call() = %v, want a timeout while the document is printed", err)
	}
	close(mayPrint)
	if err := <-printed; err != nil {
		t.Errorf("Get() = %v, want it to outlast the timeout of a call", err)
	}
}
