// Package remote asks other servers, each question of the server-server API by a call of its
// own.
//
// What comes back is bounded and of the form that the specification gives it, or an error of
// fedclient: a Refusal where the other server refuses, others where it does not answer, or
// answers something else. Nothing of it is believed beyond that. Events are raw JSON, one by
// one, and may each be rubbish: whoever uses one reads it with package event. Answers about
// large rooms are read piece by piece.
//
// It finds servers and signs requests by fedclient, and keeps nothing.
package remote
