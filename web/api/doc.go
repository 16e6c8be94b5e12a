// Package api is the HTTP face of the identity server for programs: the Matrix
// Identity Service API v2, one file a subject, as the specification divides it.
//
// A handler decodes, makes one or two calls to a domain, and replies. routes.go is
// the only table of routes, errors.go the only table from domain errors to statuses
// and errcodes. HTTP manners (CORS, limits, logs) are internal/mxhttp's; pages for
// people are web/page's. Where we chose what the specification leaves open, see
// docs/divergences.md.
package api
