package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"
)

// A format is one of Traefik's.
type format int

const (
	formatJSON format = iota
	formatCLF
)

var (
	models = strings.Fields(`account.move account.move.line account.payment account.payment.register account.bank.statement.line
		account.journal account.account account.tax account.report account.asset res.partner res.company sale.order sale.order.line
		purchase.order purchase.order.line stock.picking stock.move product.product product.template hr.employee hr.payslip
		hr.expense hr.expense.sheet mail.message mail.activity project.task account.analytic.line account.batch.payment
		account.reconcile.model account.fiscal.position account.lock_exception ir.attachment queue.job`)
	methods = strings.Fields("web_search_read web_read web_save onchange action_post name_search read_group create")
	others  = strings.Fields(`/web/assets/1/web.assets_web.min.js /web/static/img/logo.png /websocket /web/image/res.partner/7/avatar_128
		/web/health /web/action/load /report/pdf/account.report_invoice/42 /web/login?redirect=%2Fodoo /mail/data /odoo/accounting?debug=1`)
	agents = []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
		"closewatch-probe/1",
	}
	hosts = []string{"erp.example.com", "erp.example.com", "erp.example.com", "erp.example.org"}
)

// A request is what a line tells.
type request struct {
	at                     time.Time
	path, host, agent      string
	status, size, received int
	took, origin           time.Duration
	number                 int
}

// generate writes a log that is the same in every run.
func generate(file string, f format, lines int) (size int64, err error) {
	out, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	random := rand.New(rand.NewPCG(1, 2))
	w := bufio.NewWriterSize(out, 1<<20)
	at := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	var line []byte
	for i := range lines {
		at = at.Add(time.Duration(random.IntN(1_000_000)))
		r := random.IntN(1000)
		q := request{at: at, host: hosts[random.IntN(len(hosts))], agent: agents[random.IntN(len(agents))], status: 200, size: random.IntN(20_000), received: random.IntN(2_000), number: i + 1}
		if r < 600 {
			q.path = "/web/dataset/call_kw/" + models[random.IntN(len(models))] + "/" + methods[random.IntN(len(methods))]
		} else {
			q.path = others[random.IntN(len(others))]
		}
		switch {
		case r%100 == 0:
			q.status = 502
		case r%50 == 1:
			q.status = 404
		}
		q.origin = time.Duration(random.ExpFloat64() * 150e6)
		q.took = q.origin + time.Duration(random.IntN(300_000))
		line = q.append(line[:0], f)
		if _, err := w.Write(line); err != nil {
			return 0, err
		}
		size += int64(len(line))
	}
	return size, w.Flush()
}

func (q request) append(b []byte, f format) []byte {
	client := fmt.Sprintf("10.0.%d.%d", q.number%16, q.number%251)
	if f == formatCLF {
		return fmt.Appendf(b, "%s - - [%s] \"POST %s HTTP/2.0\" %d %d \"-\" %q %d \"app@file\" \"http://10.1.0.7:8069\" %dms\n",
			client, q.at.Format("02/Jan/2006:15:04:05 -0700"), q.path, q.status, q.size, q.agent, q.number, q.took.Milliseconds())
	}
	stamp := q.at.Format(time.RFC3339Nano)
	return fmt.Appendf(b, `{"ClientAddr":"%[1]s:51784","ClientHost":"%[1]s","ClientPort":"51784","ClientUsername":"-","DownstreamContentSize":%[2]d,"DownstreamStatus":%[3]d,"Duration":%[4]d,"OriginContentSize":%[2]d,"OriginDuration":%[5]d,"OriginStatus":%[3]d,"Overhead":%[6]d,"RequestAddr":"%[7]s","RequestContentSize":%[8]d,"RequestCount":%[9]d,"RequestHost":"%[7]s","RequestMethod":"POST","RequestPath":"%[10]s","RequestPort":"-","RequestProtocol":"HTTP/2.0","RequestScheme":"https","RetryAttempts":0,"RouterName":"app@file","ServiceAddr":"10.1.0.7:8069","ServiceName":"app@file","ServiceURL":"http://10.1.0.7:8069","StartLocal":"%[11]s","StartUTC":"%[11]s","downstream_Content-Type":"application/json; charset=utf-8","entryPointName":"websecure","level":"info","msg":"","origin_Content-Type":"application/json; charset=utf-8","request_Accept":"*/*","request_Content-Length":"%[8]d","request_User-Agent":"%[12]s","request_X-Forwarded-Host":"%[7]s","request_X-Real-Ip":"%[1]s","time":"%[13]s"}`+"\n",
		client, q.size, q.status, q.took.Nanoseconds(), q.origin.Nanoseconds(), (q.took - q.origin).Nanoseconds(), q.host, q.received, q.number, q.path, stamp, q.agent, q.at.Format(time.RFC3339))
}

// mtail is a program that counts requests, bytes and durations by path, as
// ours does by operation.
func (f format) mtail() string {
	const counts = `counter requests by path, code
counter sent by path
histogram duration by path buckets 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60
`
	if f == formatCLF {
		return counts + `/"\S+ (?P<path>[^ ?]+)[^ ]* \S+" (?P<code>\d+) (?P<size>\d+) .* (?P<ms>\d+)ms$/ {
  requests[$path][$code]++
  sent[$path] += $size
  duration[$path] = $ms / 1000.0
}
`
	}
	return counts + `/"DownstreamContentSize":(?P<size>\d+),"DownstreamStatus":(?P<code>\d+),"Duration":(?P<ns>\d+),.*"RequestPath":"(?P<path>[^"?]*)/ {
  requests[$path][$code]++
  sent[$path] += $size
  duration[$path] = $ns / 1000000000.0
}
`
}
