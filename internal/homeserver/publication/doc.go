// Package publication has the cross-signing keys of people stand in the key directory of the
// homeserver's identity server (docs/key-directory.md), of those who want that, and looks
// whether what stands there is theirs.
//
//	agreed, or new keys ─▶ wish ─▶ sent ─▶ promised, or held ─▶ found there, looked at each day
//	withdrawn, or ended ─▶ wish ─▶ erased, and once more after a while
//
// A wish is written in the transaction of what it comes from, is fulfilled once, and survives
// whatever happens in between: what is sent is written down before. Whatever the directory has
// otherwise (an erasure, a revocation, keys of somebody else) is shown to the user and stays,
// until they wish anew.
package publication
