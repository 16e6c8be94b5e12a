// Command idserver is Signet's identity server: it verifies e-mail addresses and
// phone numbers, binds them to Matrix users, answers look-ups, and publishes the
// keys it signs with.
//
// This package alone knows everything: it reads the configuration (config.go),
// joins the parts (build.go), serves until it is told to stop (serve.go), and
// answers the commands that only it has (tokens.go, limits.go, sms.go, verify.go).
package main
