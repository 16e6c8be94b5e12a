// Package stateres resolves the states in which the branches of a room meet into
// the one state that holds after all of them: state resolution v1 of room version
// 1, v2 of versions 2 to 11, and v2.1 of version 12 (MSC1442, MSC4297).
//
// It is a pure function of the states and the events they stand on: every server
// that holds the same events gets the same state, in whatever order it asks. The
// work is linear in the auth chains it walks, which are bounded, since strangers
// write them: what is missing, circular or too much is an error and never a guess.
//
// Package event says what an event is, authz what it may do. Which states meet is
// for the room above to know.
package stateres
