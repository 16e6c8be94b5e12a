// Package fedclient is the one way by which Signet fetches from other servers.
//
// It finds a server by its name as the specification says (server-server API,
// "Resolving server names"), judges every resolved address before it is dialled,
// dials exactly the address that was judged, checks the certificate against the
// name that the step of discovery demands, signs requests (X-Matrix), and caps
// what it reads and how long it waits. Redirects are followed for well-known
// files only, each hop judged alike; proxies, cookies and compression are not used.
//
// A remote server may be slow, dead, lying or aimed at our own network: whatever
// it does ends in one of the errors of this package. The package keeps small
// bounded caches in memory and nothing on disk. It knows internal/matrix only.
//
// What a server refuses is a Refusal. Whether that is its last word is judged here, for all who
// have something to tell another server (Final), and so is how long one that fails is left alone
// (Pause).
package fedclient
