// Package program is what the two programs share above the foundations: a command
// line with its common commands, the storage that every command opens, the way to other
// servers, and the frame in which a server runs (traces, metrics, health).
//
// It knows neither of the two. What a program is, it says in a Program; what it
// serves, it wires itself, in cmd.
package program
