// Package push decides which events a user is notified of: the push rules of the
// client-server API ("Push notifications"), the defaults and a user's own, and what they
// say about an event.
//
// It is pure. Settings are what a user has changed, and are kept by account data; Ruleset
// is what clients are shown of them; Rules are compiled from that, once, and asked for
// each event. Rules are the user's and events a stranger's, so what both cost together is
// bounded: patterns are short and matched in linear time.
package push
