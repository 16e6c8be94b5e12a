// Package daemon is what both programs do to live: log, listen, serve, report
// their health, be measured and traced, and end without dropping anybody.
//
// It promises that either every listener is bound or nothing is served, and that
// a process told to stop turns unready first, finishes the requests it has, then
// its background work, and only then returns. It knows the types of
// internal/config and nothing of what the programs serve.
package daemon
