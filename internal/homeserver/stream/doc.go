// Package stream puts all that clients are told of into one order: events, receipts,
// to-device messages, account data, device lists. Each operation has a position of its
// own, and a token of /sync is one position for all of them.
//
// One goroutine, the Committer, writes what is queued at a time in one transaction
// (group commit), then shows it to readers, then lets Visible rise to its end, then
// wakes whom it concerns, and only then do those return who asked for it. So a /sync
// that begins after an answer has what was answered, and nobody sees what a crash could
// take back.
//
// It knows no kind of operation: room, device and the others queue theirs through a Lane
// and store them by their own Writer. One process writes a database at a time, and one
// that was replaced writes nothing any more.
package stream
