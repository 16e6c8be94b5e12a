// Package migrations is the schema, as SQL files in one folder an owner: the
// package of that name alone reads and writes the tables made there.
//
// A file is one thought and opens with a comment. Code and schema tolerate each
// other one step apart, so that replicas can be replaced one by one: a column is
// added in one release and removed in a later one. Types are TEXT, BIGINT, BOOLEAN
// and BYTEA; times are milliseconds since 1970 in UTC; 0 means "not yet".
package migrations

import "embed"

// FS holds one folder an owner, for store.DB.Migrate.
//
//go:embed */*.sql
var FS embed.FS

// IDServer lists the owners of the identity server's tables.
var IDServer = []string{"seal", "keyring", "outbox", "quota", "captcha", "fraud", "caller", "verify", "lookup", "discovery", "invite", "log", "notary", "people"}

// HomeServer lists the owners of the homeserver's tables.
var HomeServer = []string{"seal", "keyring", "outbox", "quota", "account", "userdata", "stream", "receipt", "e2ee", "roomkeys", "room", "verifykeys", "outbound", "devicelists", "inbound", "transaction", "departure", "blocklist", "contact", "thirdparty", "keydirectory", "publication"}
