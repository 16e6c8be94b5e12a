// Package page draws the homeserver's pages for people: the stages of interactive
// authentication, for clients that know no better way to pass one (client-server API,
// "Fallback"), and the steps of a login by a code.
//
// Each page is in the language that its reader has chosen there, or else asks for, and stands
// alone: it loads nothing but a CAPTCHA and needs no script. What a page asks, and what is said
// to an answer, is decided in clientapi, which names troubles and problems by the words of this
// package; what is said of them stands in phrases.
package page
