// Package odoosim is an Odoo stand-in for the laboratory: it keeps its data in
// real PostgreSQL tables of Odoo's shape and speaks Odoo's wire formats.
//
// It is not a re-implementation of Odoo. It holds to recordings of a real
// Odoo 18 what a finance flow or an observer can see: the JSON-RPC envelopes,
// error objects, session behaviour and failure modes of the transports, the
// state machine of journal entries, payments and bank statement lines, the
// rows these leave in the tables, the scheduled actions and the job queue.
// The conformance test replays the recordings and compares the answers.
//
// Semantics worth knowing:
//
//   - Every RPC is one REPEATABLE READ transaction on the connection of one of
//     a few workers (Options.Workers); further requests queue, as they do in
//     front of Odoo's prefork workers. A serialization failure is retried
//     five times and then surfaces as psycopg2.errors.SerializationFailure.
//   - A client that goes away does not stop its transaction: it may still commit.
//     A request still waiting for a worker is dropped with its client; Odoo would
//     run it.
//   - Sessions live in Redis when Options.RedisURL is set. A stalled Redis stalls
//     every request that carries or makes a session; /jsonrpc keeps working.
//   - A worker busy for longer than Options.LimitTimeReal is killed: its client
//     sees the connection close without an answer.
//   - With PostgreSQL down, call_kw answers 404 HTML, /jsonrpc 200 with
//     psycopg2.OperationalError, /web/login 303, /web/health 200.
//
// Faults breaks it on purpose; see there.
package odoosim
