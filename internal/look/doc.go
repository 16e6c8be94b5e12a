// Package look is how the pages of both servers look: their colours and what pages are made
// of, in one style sheet, the layout of a page that comes whole, and the seals of the two.
//
// It says nothing. Its neighbours, web/page, internal/homeserver/page and
// internal/homeserver/webclient, put their own rules after Style.
package look
