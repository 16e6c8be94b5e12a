// Package outbox keeps work that leaves the house (a message, a callback, a notice
// to another server) durable until it is done.
//
// A job is written with Put in the transaction that decides it, so it exists if and
// only if that transaction committed. One process at a time holds its lease and
// attempts it; when that process dies the lease ends and another takes over.
//
//	         attempt succeeds
//	pending ──────────────────▶ done   payload forgotten, key kept for a day
//	 │   ▲
//	 │   └ attempt fails: due again later, with growing, jittered delay
//	 ├──▶ dead   refused for good, or past its expiry: kept a week for the operator, without its payload
//	 └──▶ withdrawn   by whoever put it
//
// Whoever ends a job without doing it, Withdraw or the kind's Died, learns that in the
// transaction that ends it, once: what was charged for the job is given back there.
//
// What is done is recorded a few milliseconds later, many jobs in one commit; in this
// process it counts as done at once. An attempt may run more than once (a process can
// die after it, before it is recorded), twice rather than never, so handlers send an
// id that the other side can recognise. Payloads are sealed: they may hold addresses
// and codes.
package outbox
