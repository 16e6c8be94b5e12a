// Package transaction takes what other servers send to this one: events of rooms and EDUs,
// in transactions, each of which is done once however often it comes (server-server API,
// "Transactions").
//
// Events go to a Receiver, EDUs to a Handler; what becomes of one concerns no other. The
// answer is remembered for a day. A transaction that another of the same name overtakes
// waits for it and has its answer.
package transaction
