// Package fraud says whether a text message to a number may be sent, what it costs,
// and whether the numbers around it behave like people. Text messages cost money, and
// there are people who are paid a share of it: they have many sent to numbers of
// theirs and never type a code.
//
//	Admit: switched off? ▶ country served? ▶ can it receive text? ▶ paused? ▶ money left? ──▶ charged
//	Sent, Validated: the share of codes that come back, of the last day, by block and country
//	Run: a block whose codes do not come back in spite of CAPTCHAs is paused, the operator is told
//
// A block is 10,000 neighbouring numbers, known by a keyed tag alone. Messages younger
// than a code's life do not count: their codes may still come. If too few of all others
// came back, the block is suspicious: a CAPTCHA should be asked before each message. If
// it is, and of After messages that were vouched for by a CAPTCHA, to half as many
// numbers, fewer than PauseBelow came back, it is paused.
//
// Whoever asks for messages to strangers and lets the codes die does the same, so this is
// what it costs to silence a block for a day, by default: 20 CAPTCHAs solved for 10
// numbers of it, while nine in ten of all its codes die. Without a CAPTCHA its people
// are asked for one, no more; one number, or a few, cannot silence their neighbours. A
// country is never paused, only suspicious as a whole, with an alarm. A pause is logged,
// and an operator who knows better lifts it and forgives what led to it: idserver sms
// resume. Where no CAPTCHA is ever asked, nothing can be vouched for and all messages
// count: there a block costs 20 messages to 10 numbers.
//
// Money is a strict ledger by UTC day: the sums of the day and of the calendar month
// never pass their caps. They are kept as rows, which rivals move one after the other,
// each in a statement of its own: none fails, and at worst one is refused by what another
// takes back in the same moment. A process that dies between a charge and its refund
// leaves money spent that was not, never the other way. Nothing here knows sessions or
// providers, nor takes part in their transactions: verify calls Admit before it opens a
// session, Refund if no message left, Sent when one did.
package fraud
