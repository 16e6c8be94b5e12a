// Package servers is the log of servers' keys: what the notary has seen of other servers'
// keys, and whom this server blocks, in plain text, so that neither can be changed or denied
// afterwards. It is what the notary proves its answers by.
//
// What is logged is the notary's to say (keys/notary); how, keys/log's. Its map stays
// empty: names of servers are public, so nothing in it has to be hidden to be found.
package servers
