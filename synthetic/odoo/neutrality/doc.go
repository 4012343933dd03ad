// Package neutrality proves from the database itself that the prober left the
// books of real companies as they were.
//
// A Proof compares, in one statement and so at one instant, what each company's
// books say with what they would say without the prober's records: how many
// entries, items, payments and matches are the prober's; the last numbers of
// every journal; the trial balance of every account, to the last digit. It holds
// while people work: their postings are on both sides. What was there a day
// before is kept beside it, so that the counts of one day can be followed to the
// next.
//
// The prober's records are those that its user wrote, or that carry its tag,
// whoever wrote them. Balances and numbers stay in the database; what leaves it
// is counts and SHA-256 hashes (deploy/sql, closewatch_ledger_proof).
//
// In the synthetic company the prober's records may be there while a run is
// under way, and no longer: see docs/synthetic.md.
package neutrality
