// Command load puts load on the real servers, each as a process of its own on loopback,
// and prints how fast it is: script/bench load and script/bench homeserver build and run it.
//
// It plays what is around the identity server: clients, homeservers whose users they are,
// and a mail server. A measurement (measurements.go) starts a server on an empty database,
// prepares what it needs through the server's own API, and then keeps some connections busy
// for a while. Of the homeserver it plays the clients, and one server goes through all steps
// (home.go). One processor is shared by the server and all of this, so the clients are
// lean and the table says how much of it they took.
package main
