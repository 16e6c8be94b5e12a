// Package log is a transparency log in the database: C2SP tlog-tiles, RFC 6962 hashes,
// checkpoints as signed notes. A Log is one log of one name; all replicas have a value of
// their own for it.
//
// One of them, who holds the lease, sequences:
//
//	Source.Next ─▶ Map.Seal ─▶ one transaction ─▶ Guard.Signed ─▶ sign ─▶ store ─▶ publish
//	 pending        EPOCH       tiles, head, marks
//
// It promises that nothing is signed before it is committed and durable, nothing shown
// before it is signed, and that no two notes of one size have different roots: a crash
// anywhere is made up for by whoever sequences next, with the same note. The last entry of
// every checkpoint is an EPOCH, and the keys that sign it are those that the newest CONFIG in
// it names. What an entry means it does not know (Format, Map); serving
// over HTTP is web's.
package log
