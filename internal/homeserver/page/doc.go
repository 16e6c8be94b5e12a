// Package page answers people where they look at the homeserver's pages: the stages of
// interactive authentication, for clients that know no better way to pass one (client-server
// API, "Fallback"), and the steps of a login by a code.
//
// Each page is in the language that its reader has chosen there, or else asks for, and stands
// alone: it loads nothing but a CAPTCHA and needs no script. What is entered goes to account and
// sso; what is said of what comes of it stands in phrases. Where the pages are, and how often
// somebody may ask, is clientapi's to say.
package page
