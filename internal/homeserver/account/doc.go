// Package account keeps the people of a homeserver and what lets them in: users
// with their passwords, devices with their access and refresh tokens, the interactive
// authentication of what is not to be done by a token alone, registration tokens, login
// tokens, and OpenID tokens for other services.
//
// Passwords are kept as Argon2id hashes, tokens and sessions as HMACs, so that the
// database lets nobody in. An access token opens the client API and nothing else,
// an OpenID token tells another service who its owner is and nothing else, a session
// does the one thing that it was opened for. What must happen once (a name taken, a
// session spent) is decided by the statement that does it. Access tokens in use are kept in
// memory while it is watched which of them end.
//
// It knows no HTTP: clientapi and fedapi above it say what its errors mean there.
package account
