// Package blocklist turns away the homeservers that the identity server turns away: it reads
// the policy that is published there, keeps the last one, and says why somebody is refused.
//
// A server on the list can neither invite anybody here nor come into a room here, nor have
// another server let it in. What its users do in rooms that they are in already is for the
// rooms' ACLs, and the people in them.
//
// While the identity server cannot be reached the list stays as it was, so that nobody gets
// in by keeping it away; an older policy than the last one is not believed.
package blocklist
