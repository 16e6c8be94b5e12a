// Package thirdparty invites people by their addresses (client-server and server-server API,
// "Third-party invites").
//
//	Invite ─▶ lookup ─ somebody ─▶ m.room.member
//	            └─ nobody ─▶ store-invite ─▶ m.room.third_party_invite
//
//	Bound (3pid/onbind) ─▶ claim ─┬─ here ──────────────▶ key valid? ─▶ m.room.member
//	Present (join) ───────────────┤                           ▲
//	                              └─ elsewhere ─▶ exchange ─▶ Exchange
//
// Of a claim only what an identity server has signed is believed, and only by the keys that
// stand in the room, while each is still valid. Who invites has had the right to when the
// first event was sent, and need not have it, nor be there, any more: so the rules say, which
// are authz's. A claim that was taken is kept in a table until something comes of it.
package thirdparty
