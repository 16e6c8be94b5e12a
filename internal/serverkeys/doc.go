// Package serverkeys is the document in which a server publishes its signing keys
// (server-server API, GET /_matrix/key/v2/server): written for the keys of a ring of our
// own, and read of others, who may send anything.
//
// What Parse gives is small, in canonical form, and proves each of its keys by a signature
// in it. Whether the keys are still valid, and whether they are those that the server had
// yesterday, is for the reader to say.
package serverkeys
