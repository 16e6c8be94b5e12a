// Package page is the identity server's pages for people: what this server is, a
// form to prove an address, the pages behind a message's two links ("yes, that is my
// address" and "this was not me"), the owner's page, where whoever holds an address sees and
// takes back what is stored about it, and the history of it, of which each proof is verified
// (keys/proof), CAPTCHAs, invitations, the specification's GET
// submitToken, and in development the mailbox of messages that were not sent.
//
// It promises pages that work without scripts, cookies or anything from elsewhere,
// by keyboard and by screen reader (WCAG 2.2 AA). One has a script, since nothing else
// can read what an invitation's link keeps from servers; it says what to do without.
// Reading a page changes nothing: only its buttons do, pressed on a page of our own, and
// the one address for which the specification says otherwise. All words stand in phrases, in every language of
// internal/locale; the mailbox, which is for developers, is in English.
//
// The owner's page opens in the browser that asked for the message, and nowhere else: its session
// has a secret that no message carries. It takes the mailbox too: the code typed in that browser,
// or the button of the page behind the link, pressed in any, where it says that whoever asked will
// see and change what is stored. That page itself shows nothing of it, and opening it does nothing.
//
// What is proven, and for how long, is verify's; routing and errors are
// internal/mxhttp's.
package page
