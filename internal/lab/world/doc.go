// Package world is the demo estate: a PostgreSQL primary with its standby, a
// Redis, an Alertmanager, an ingress and an Odoo stand-in on loopback, business
// traffic through all of them, and a switchboard of things that can go wrong.
//
// Odoo keeps its sessions in Redis here, so Redis is a hard dependency. Times
// are scaled: what takes an hour in production takes two minutes.
package world
