package odoosim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// serveReport prints documents: /report/pdf/account.report_invoice/1,2.
func (s *Server) serveReport(w http.ResponseWriter, r *http.Request) {
	ids := []int64{}
	for part := range strings.SplitSeq(r.PathValue("ids"), ",") {
		id, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			notFound(w)
			return
		}
		ids = append(ids, id)
	}
	var titles []string
	err := s.asUser(w, r, func(ctx context.Context, tx pgx.Tx, sess *session) error {
		e, err := s.newEnv(ctx, tx, sess.UID, map[string]any{})
		if err != nil {
			return err
		}
		if err := sleep(ctx, s.opts.ReportCost); err != nil {
			return err
		}
		ms, err := e.moves(ids, opRead)
		for _, m := range ms {
			titles = append(titles, m.name)
		}
		return err
	})
	switch e := (*odooError)(nil); {
	case err == nil:
		w.Header().Set("Content-Type", "application/pdf")
		_, _ = w.Write(pdf(titles))
	case errors.Is(err, errWritten):
	case errors.As(err, &e) && e.expired:
		redirect(w, "/web/login?redirect="+strings.ReplaceAll(r.URL.Path, "/", "%2F")+"%3F")
	default:
		writeHTML(w, http.StatusInternalServerError, errorPage(500, "Internal Server Error", "The report could not be generated."))
	}
}

// pdf writes a one-page PDF with one line per title.
func pdf(titles []string) []byte {
	var text strings.Builder
	text.WriteString("BT /F1 14 Tf 72 760 Td 18 TL")
	for _, t := range titles {
		fmt.Fprintf(&text, " (%s) Tj T*", strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(t))
	}
	text.WriteString(" ET")
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return b.Bytes()
}
