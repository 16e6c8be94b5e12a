// Package seal keeps the keys that protect data at rest.
//
// One key-encryption key (KEK) lives outside the database, in a file or the
// environment, the same for all replicas. Every other secret is generated once,
// sealed under it and kept in the database, so that replicas share them and a
// stolen database alone opens nothing. Starting with another KEK is refused.
//
// From a secret come three tools, each bound to a purpose: Box encrypts and
// authenticates (AES-256-GCM), Index finds a value without storing it (keyed blind
// index) and MAC remembers a code or token that need never be read again (both
// HMAC-SHA-256). Signing keys are internal/keyring's.
package seal
