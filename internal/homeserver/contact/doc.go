// Package contact keeps the addresses of accounts, and has people show that an address is
// theirs (client-server API, "Account administrative contact information").
//
// An identity server sends the code and says when it was shown. Of its sessions counts one
// that this homeserver has asked for itself: for what it was asked, for whom, with the address
// that was asked for, within a day, and once. What the identity server says besides must agree.
//
// Whoever signs up may wish to be found by the address: the code is for both then, and the
// identity server is told once the account is there (found.go).
//
// An address has one owner here. It is encrypted at rest and found by a keyed index; who asks
// for a code is not told whether it has one, unless the operator wants that.
//
// A CAPTCHA that somebody has solved to sign up covers a message that is asked for from their
// network, of which a keyed tag is kept for ten minutes.
package contact
