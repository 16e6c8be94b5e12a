// Package mxhttp holds the HTTP manners that the identity server and both APIs of
// the homeserver share, on top of echo: one error handler, strict decoding of bodies,
// paths and queries, bearer tokens, CORS, body limits, request ids, and one log line,
// one metric and one span a request.
//
// It promises that every answer below /_matrix/, /.well-known/ and /_signet/v1/ is
// what a Matrix client expects, whatever went wrong, and that nothing a client sent
// (path values, query, headers, body) reaches log, metric or trace. What an error of
// a domain means is told by the program, through Options.Translate.
package mxhttp
