// Package locale says which language a person reads, and holds the phrases that
// are said in it.
//
// A Language is one of the ten that Signet speaks; Match finds it in what a
// browser asks for, however hostile that is. A Catalog holds the phrases of one
// domain in all of them. It is whole or it does not load: each language says the
// same things with the same values, in every plural form that its grammar has, so
// that what is said in English is said in Arabic too.
//
// The package is a foundation and knows nobody else of ours. What is said is its
// users' business: the phrases of messages are kept in verify/message, those of
// notices in lookup/notice/words, those of pages in web/page, and the homeserver's in
// internal/homeserver/page and internal/homeserver/webclient.
package locale
