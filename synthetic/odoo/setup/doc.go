// Package setup makes in an Odoo database what the flows need: a company that
// exists for nothing else, its journals, customer and product, and a user who may
// enter that company alone.
//
// What is to be there is a list of steps. Each looks first and changes only what
// is not as it should be, so that a second run changes nothing and a run that
// broke off is completed. What setup made it knows again by an external id in the
// module "closewatch"; a record without one is taken for its own only when name
// and company say so, and a user only when it may enter no other company. Nothing
// else is touched.
//
// Apply and Remove write; Plan only reads, and Print asks Odoo nothing. Whether a
// database may be written to is the caller's decision: never one in production.
package setup
