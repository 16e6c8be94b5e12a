// Package filter reads the filters by which a client says which events it wants
// (client-server API, "Filtering"), and tells whether an event is one of them.
//
// It is pure: no storage, no HTTP. What Parse returns is bounded in every list and
// text, and matching an event takes time linear in them.
package filter
