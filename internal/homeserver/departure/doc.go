// Package departure has people leave their rooms whose accounts have ended (client-server
// API, "Account deactivation"), and keeps whose events are hidden from those who come later.
//
// The wish is written with the end of the account, by whichever process ends it. The server
// fulfils it: at once if it is asked to, and otherwise when it looks for wishes next, so
// that a crash in between, or a room that fails, delays it only. It looks again for some
// minutes, since a request of theirs may still have been under way.
package departure
