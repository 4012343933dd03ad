// Package serverlog reads Odoo's own log: what neither HTTP nor SQL tells.
//
// Odoo answers HTTP 200 to a request that failed, kills a worker without an
// answer, retries a transaction that lost against another, and up to Odoo 17
// keeps nothing in its tables of a scheduled action that fails. Each of these
// leaves lines in the log of the server, and only there.
//
// # Formats
//
// The file that Odoo's logfile names, and what keeps its standard error: an
// export of the journal (journalctl -o export), the journal or a container as
// JSON lines, a container in the format of the Kubernetes runtimes. Records of
// several lines are put together again. Times are Odoo's, which are in UTC.
//
// # What is kept
//
// Classes, never text. A line becomes an event of a closed list; a traceback
// becomes the addon its innermost frame of an addon lies in and the name of
// its exception, both of which must look like names and are bounded in number;
// a request becomes one of a closed list of operations. Messages hold names,
// amounts, document numbers and SQL: no part of one is stored, published or
// repeated in an error. Of a scheduled action that failed its name is kept, as
// the table of scheduled actions has it.
//
// # Workers
//
// A worker killed by a limit leaves its client without an answer. What master
// says of a killed cron worker is no failed action by itself: with
// limit_time_real_cron at sixty seconds or less it kills idle ones all day. So
// a kill counts as an action's only if that worker had begun one and not ended
// it. The master repeats itself until the worker is gone; a repetition is not
// counted. A worker that ends after its request because it grew is recycled:
// counted, and nothing is wrong.
package serverlog
