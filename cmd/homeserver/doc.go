// Command homeserver is Signet's companion homeserver: it keeps the accounts of
// Matrix users and vouches for them to other services, the identity server first.
//
// This package alone knows everything: it reads the configuration (config.go),
// joins the parts (build.go), and serves until it is told to stop (serve.go, with the
// federation's certificate in certificate.go). The operator makes accounts (users.go) and registration tokens
// (regtokens.go) by commands; the others are internal/program's.
package main
