// Package edu takes what other servers send that is no event of a room (server-server API,
// "EDUs"): messages to devices, changes of devices and keys, receipts, and who is typing.
//
// A server speaks for its own users alone, and of a room only where they are in it and its
// server ACLs let the server in. What is kept of it is kept by e2ee, receipt and typing.
package edu
