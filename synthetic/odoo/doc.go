// Package odoo performs finance transactions on an Odoo database the way its
// users do, and leaves the books as it found them.
//
// Flows: login, reporting, websocket (these only read, unless websocket is asked
// for more), report-pdf, invoice-posting and bank-reconciliation. What writes does so in one company that exists for
// nothing else, in journals of its own, as a user who may see nothing else, with
// every entry tagged closewatch-probe/<run>. Before every write the guards are
// asked again: is it that company, are its journals erasable, does no lock date
// reach today, is the kill switch off.
//
// A run is cleaned up newest first: numbers are given back because the entry is
// the last of its journal, so that no gap stays. What a run was about to write
// is in the intent log before it writes; what a crash, a timeout or a refused
// clean-up left behind is found by its tag and removed by the Janitor, at start
// and before each run that writes. While something cannot be removed, nothing
// more is written.
//
// One flow at a time writes to a tenant. The package holds that within the
// process; between processes it is the scheduler's lease.
package odoo
