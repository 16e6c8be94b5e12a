// Package endtoend tests the two programs as people run them: built binaries, real
// processes, real HTTP, TLS and SMTP on loopback, on both engines.
//
// The scripts in testdata read as documentation; their words (get, post, mail, …)
// are defined in words_test.go. The stories in testdata/clients are told by Matrix clients
// of others, to the homeservers. There is nothing here but tests.
package endtoend
