// Package devicelists keeps the devices and keys of users of other servers, so that they can
// be written to while their server is away, and it is not asked by each client anew.
//
// A server tells of changes to those with whom its users share rooms (server-server API,
// "Device Management"). So what it said counts until it tells of a change, as long as a room
// is shared without a break; then it is asked again, and where it does not answer, what it
// said last is better than nothing. Of users with whom no room is shared nothing is kept. What a
// server says again when one of its users meets one of ours, and is known, is no news to anybody.
package devicelists
