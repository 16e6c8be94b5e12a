// Package authz says whether an event may happen: the authorisation rules of every room
// version, as the pages of the specification's "Room Versions" write them.
//
//	Needed           which state an event's authorisation rests on, so what it must cite
//	FromAuthEvents   the rules on the events it cites, and the state that they make
//	Check            all other rules, against any state: the cited one, the one before
//	                 the event, the current one
//	PowerLevels      who may do what, read once and asked by everybody else
//
// The package is pure and total: it answers for any event that event.Parse lets through,
// in time that the event's size bounds. Each refusal is a Refusal, which says the rule.
// Signatures are event.Verify's, the one inside a third-party invitation excepted; who
// called it first has kept rule 4.2 of version 8 and later.
package authz
