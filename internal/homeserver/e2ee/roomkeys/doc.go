// Package roomkeys keeps backups of the keys by which users read the messages of encrypted
// rooms (client-server API, "Server-side key backups"). The keys are encrypted by clients;
// the server knows of each only what decides which of two is better.
//
// Of backups /sync tells nothing, so they have transactions of their own and no place in
// the stream. What is deleted is gone at once for its owner, and a part at a time from the
// database.
package roomkeys
