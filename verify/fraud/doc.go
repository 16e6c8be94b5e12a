// Package fraud says whether a text message to a number may be sent, what it costs,
// and whether the numbers around it behave like people. Text messages cost money, and
// there are people who are paid a share of it: they have many sent to numbers of
// theirs and never type a code.
//
//	Admit: switched off? ▶ country served? ▶ can it receive text? ▶ paused? ▶ money left? ──▶ charged
//	Sent, Validated: the share of codes that come back, of the last day, by block and country
//	Run: a block whose codes do not come back is paused, the operator is told
//
// A block is 10,000 neighbouring numbers, known by a keyed tag alone. Below one share
// its people should be asked for a CAPTCHA; below a lower one it is paused. Messages
// younger than a code's life do not count: their codes may still come. A country is
// never paused that way, only suspicious as a whole, with an alarm: whoever asks for
// messages and lets the codes die could otherwise shut out a people. The same trick
// silences a block for a day at most, and an operator can lift it.
//
// Money is a strict ledger by UTC day: the sums of the day and of the calendar month
// never pass their caps. Each message writes the row of its day and country, so on
// PostgreSQL rivals run again; text messages are hundreds an hour, for which that is
// cheap. Nothing here knows sessions or providers: verify calls Admit in the
// transaction that opens one, and Refund if no message left.
package fraud
