// Package turn makes credentials with which a user's clients may relay calls through a TURN
// server for a while (client-server API, "Voice over IP"). The TURN server shares a secret
// with this one, and asks it nothing: the user name says until when it is good, and the
// password is its HMAC (draft-uberti-behave-turn-rest, section 2.2).
package turn
