package traefik

// accessLogReference is the part of the reference page about the access log.
const accessLogReference = `
## The access log

### Formats

| Traefik's ` + "`accessLog.format`" + ` | what is known |
|---|---|
| ` + "`json`" + `, versions 2 and 3 | everything: operation, tenant by host, outcome, both latencies, bytes in and out; retries with version 2 only, since version 3 logs none |
| ` + "`common`" + `, version 3 | operation, outcome, latency in whole milliseconds, bytes out; no host, so that all is of ` + "`defaultTenant`" + ` |
| ` + "`common`" + `, version 2 | the same; a request that no server answered has no status and is counted as ` + "`statusless`" + ` only |
| ` + "`genericCLF`" + ` | operation and outcome; no latency, no number: counted as ` + "`plain`" + `, with a finding that says what to change |

Durations have the buckets of the latency objectives and, for a Prometheus that asks for them, native buckets of schema 3: a quantile of
those is within 5 %. Odoo answers HTTP 200 to a business error: an outcome ` + "`ok`" + ` means that an answer was delivered, not that the posting
happened. A synthetic flow, which looks at what came of it, and Odoo's log tell the rest.

### Rotation

The log is followed by name: renamed with or without a signal to Traefik (USR1), copied and truncated, created late, rotated several times
between two looks or while nobody looked. Compressed files are not read. The position and all counts are one file, written before the counts
are published.

- **Exact:** every line that renaming leaves in a readable file is counted once, also after kill -9 at any moment. So is every line that copying
  and truncating leaves in the copy or in the log.
- **Destroyed by truncation:** what Traefik writes between the end of the copy and the truncation is on no disk. It is counted if it was read in time.
  Otherwise ` + "`traefik_accesslog_requests_numbered_total`" + ` minus ` + "`traefik_accesslog_requests_seen_total`" + ` is an upper bound of the lost requests: the exact
  number where Traefik's filters drop nothing and no request is open. ` + "`traefik_accesslog_gap_seconds_total`" + ` is an upper bound of the time in
  which lost lines were written, ` + "`traefik_accesslog_lost_bytes_total`" + ` a lower bound of their size. Each truncation is counted in
  ` + "`traefik_accesslog_rotations_total{kind=\"truncate\"}`" + `.
- **Not found again:** a rotated file that was removed or compressed before it was read is ` + "`traefik_accesslog_rotations_unresolved_total`" + `. Let
  logrotate keep one rotated file uncompressed (` + "`delaycompress`" + `).
- **Very first start:** reading begins at the end of a log that is there, and at the beginning of one that is created later.

` + "`make test-accesslog`" + ` shows this under 200,000 lines a second, ` + "`make bench-accesslog`" + ` what reading costs beside mtail.
`
