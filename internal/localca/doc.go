// Package localca is a private certificate authority kept in a data directory, for
// the listeners that other servers reach over TLS where no certificate was
// configured: development, tests and private federations.
//
// Its authority is two files, ca.pem (public) and ca-key.pem (secret). Programs
// that share the directory share the authority, also when they start at the same
// moment; what is found there is used or refused, never overwritten. The package
// knows nothing else of Signet.
package localca
