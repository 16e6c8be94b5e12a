// Package sso has people log in by a code that is sent to an address of their account
// (client-server API, "SSO client login/authentication"): the code shows on a page of this
// server who they are, and the page sends their browser back to the app with a login token.
//
// A login is at one step after another, in the one browser that began it: the code has to be
// typed there. What was shown by the link of a message counts nothing, or whoever began the
// login would be let in by somebody else's click. Nothing of a login is stored here: the
// browser has it, sealed for itself, and what may happen once is decided where the session of
// the code is spent (contact).
//
// A login token goes to the one site that the login was begun for, which the person is asked
// about unless the operator trusts it. An address of no account is asked for a code as any
// other, and only who has typed that learns that there is no account.
package sso
