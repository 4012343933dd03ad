// Package odoo watches one Odoo database and the deployment that serves it.
//
// It reads PostgreSQL with a role that may read a few tables and nothing else,
// and asks /web/health; it needs no module in Odoo. Which columns exist differs
// between versions and is looked up, never derived from a version number; what
// a database lacks (queue_job, failure counters before Odoo 18) is absent, not
// zero.
//
// Every query is served by an index Odoo itself creates, with its predicate
// written as Odoo writes it, or reads a table of tens of rows, or a bounded number
// of the newest rows, as unreconciled bank lines of Odoo 16 and 17, which have no
// such index. Timestamps of Odoo carry no zone and are UTC. They are published as
// they are, beside the offset of the server's clock from ours; what is late or
// held up is judged on the server's clock.
//
// Counters without a full scan. Nothing indexes the time a job was done or an
// entry posted, so both are counted from what changed since the last look:
//
//   - Jobs that left the queue are those that arrived minus the growth of the
//     states that are still open, read in one statement and so at one instant.
//     Arrivals are ids above a mark that lags two minutes behind the highest, so
//     that a transaction that commits late is still counted.
//   - Entries posted are drafts seen before that are posted now, and new ids
//     that are posted when first seen. Drafts are known by reading them at the
//     slow interval, up to a bound per journal.
//
// E-invoices, mails and attachments have no index on what matters of them either.
// A tracker reads the newest ids and one part of the older ones at each look,
// and follows what it has found open by primary key until it is done.
//
// All counters begin at zero with the process. Names of companies, partners and
// people are never labels: an entity is the short name the estate gives a
// company, "synthetic" the company that belongs to our flows.
package odoo
