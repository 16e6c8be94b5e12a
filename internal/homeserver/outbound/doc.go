// Package outbound sends to other servers what is for them: events of rooms, and messages
// that are no events (EDUs).
//
//	stream's transaction ─Queue▶ tables ─▶ one worker a destination ─▶ remote.Send
//	                                          │ fails                     │ done
//	                                          └─▶ later, ever rarer       └─▶ rows deleted
//
// What was queued is sent until the destination has it, also after a kill -9, and may be
// sent twice then. One transaction is under way to a destination at a time, in the order of
// the stream. A destination that fails is left alone for longer and longer, up to an hour,
// and tried at once when it is heard of; one that is slow or dead holds up no other. After
// an outage only the newest event of each room is sent: the destination asks for the rest.
package outbound
