// Command load puts load on the real identity server, as a process of its own on loopback,
// and prints how fast it is: script/bench load builds and runs it.
//
// It plays what is around the server: clients, homeservers whose users they are, and
// a mail server. A measurement starts a server on an empty database, prepares what it
// needs through the server's own API, and then keeps some connections busy for a
// while. One processor is shared by the server and all of this, so the clients are
// lean and the table says how much of it they took.
package main
