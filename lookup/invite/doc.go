// Package invite keeps invitations for people who are not there yet: somebody is invited
// to a room by an address, is told so by a message, and is let in when the address is
// bound to their account (identity service API, "Invitation storage").
//
//	         Store                Bound, by lookup             3pid/onbind
//	sender ────────▶ pending ────────────────────▶ accepted ──────────────▶ homeserver
//	                  │   │ Sign, by whoever has the message
//	      Revoke, or  │   └──────▶ claimed ──▶ accepted
//	      a week      ▼
//	               revoked, expired
//
// A copy of the database tells neither who is invited nor by whom. The ephemeral key dies
// with its invitation. Whoever is invited can refuse all invitations, which nobody
// is told. What strangers call themselves and their rooms is cut short here, and made
// harmless by lookup/invite/message.
//
// Its neighbours: lookup calls Bound within the transaction that binds, and answers who is
// behind an address (through Bindings); web shows and serves it.
package invite
