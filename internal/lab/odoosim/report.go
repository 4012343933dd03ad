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
	var document []byte
	err := s.asUser(w, r, func(ctx context.Context, tx pgx.Tx, sess *session) error {
		e, err := s.newEnv(ctx, tx, sess.UID, map[string]any{})
		if err != nil {
			return err
		}
		if err := sleep(ctx, s.opts.ReportCost); err != nil {
			return err
		}
		if s.faults.printing() == PrintKillsWorker {
			<-ctx.Done()
			return ctx.Err()
		}
		document, err = e.print(ids)
		return err
	})
	how := s.faults.printing()
	switch e := (*odooError)(nil); {
	case err == nil:
		if status, text := how.page(s.opts.Version); status != 0 {
			writeHTML(w, status, errorPage(status, http.StatusText(status), text))
			return
		}
		w.Header().Set("Content-Type", "application/pdf")
		_, _ = w.Write(how.spoil(document))
	case errors.Is(err, errWritten):
	case errors.As(err, &e) && e.expired:
		redirect(w, "/web/login?redirect="+strings.ReplaceAll(r.URL.Path, "/", "%2F")+"%3F")
	default:
		writeHTML(w, http.StatusInternalServerError, errorPage(500, "Internal Server Error", "The report could not be generated."))
	}
}

// pageBreak is how a text says, in its style, that another page begins.
const pageBreak = "page-break-after: always"

// print renders documents: one page for all of them, and one more for each page
// that their terms begin.
func (e *env) print(ids []int64) ([]byte, error) {
	ms, err := e.moves(ids, opRead)
	if err != nil {
		return nil, err
	}
	titles := make([]string, len(ms))
	for i, m := range ms {
		titles[i] = m.name
	}
	var breaks int
	err = e.row("SELECT coalesce(sum((length(narration) - length(replace(narration, $2, ''))) / length($2)), 0)::int8 FROM account_move WHERE id = ANY($1)",
		ids, pageBreak).Scan(&breaks)
	return pdf(titles, 1+breaks), err
}

// spoil is what a fault makes of a document.
func (f PrintFault) spoil(document []byte) []byte {
	switch f {
	case PrintsNothing:
		return nil
	case PrintsHalf:
		return document[:len(document)/2]
	case PrintsOnePage:
		return pdf(nil, 1)
	default:
		return document
	}
}

// pdf writes a PDF of some pages with one line per title on the first.
func pdf(titles []string, pages int) []byte {
	var text strings.Builder
	text.WriteString("BT /F1 14 Tf 72 760 Td 18 TL")
	for _, t := range titles {
		fmt.Fprintf(&text, " (%s) Tj T*", strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(t))
	}
	text.WriteString(" ET")
	const tree, first = 2, 5 // numbers of objects
	var kids strings.Builder
	for i := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", first+i)
	}
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", kids.String(), pages),
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	for i := range pages {
		contents := ""
		if i == 0 {
			contents = "/Contents 3 0 R "
		}
		objects = append(objects, fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] %s/Resources << /Font << /F1 4 0 R >> >> >>", tree, contents))
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
