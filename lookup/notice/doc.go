// Package notice tells people what becomes of the bindings of their addresses: that an
// address was bound, bound to another user, or taken back; that it will end, or has; what
// happens to the keys that are published for them; and that somebody logged in to an account
// that has the address, or has changed its password or its addresses, on the word of its homeserver.
//
//	change of the feed ── Told ──▶ outbox ──▶ silent? ▶ budget? ▶ words ▶ e-mail, or SMS
//	binding near its end ─ Remind ─┤
//	change of keys ── ToldOfKeys ──┤
//	word of an account ─ Happened ─┘
//
// A notice goes to the address itself, which only its owner reads. Of an address that now
// belongs to somebody else, as a phone number does that was given away, the former holder
// is told too: by e-mail to at most three other addresses that they are found by, and never
// who it is now. So is, of keys that will be replaced without the old one, whose they are; and
// of those of a user id, to which nobody can write. Whoever has no other is told nothing, as
// nobody knows where. An erasure is not told, and ends what waits: the address is to be
// forgotten. So does whatever makes a reminder untrue, or the other address somebody else's. A
// former holder who is erased while the notice waits is not named by it.
//
// A notice is put into the outbox in the transaction of the change that it is about, so
// there is one if and only if the change was committed, and it is of use for three days.
// Whether it may go is asked when it is sent, outside of that transaction: a binding never
// waits for a notice, nor fails for want of a budget. An e-mail may come twice, after a
// crash; a text message, which costs money, is tried once.
//
// Of an account those are told who have shown the address to that homeserver, also if they want
// no messages (account.go says why).
//
// Its neighbours: lookup tells of changes, verify knows who wants no messages and who has
// shown an address to whom (Owners), verify/fraud what text messages may cost, the room words
// writes them.
package notice
