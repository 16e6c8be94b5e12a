// Package audit reads a log from outside, as anybody can, and says at which entry it lies.
//
//	checkpoint ─▶ history ─▶ bundles ─▶ hash tiles ─▶ I1 to I6 ─▶ root
//	signature     what was    each entry   of each        replay     signed is
//	and origin    audited     hashed       entry                     recomputed
//	              stays
//
// It needs the tiles alone (C2SP tlog-tiles), through a Source: over HTTP or from a
// directory. What the entries come to is keys/replay's. An Auditor goes on where its last
// audit ended and keeps that in a file, so that a log that shows another past than before
// is caught. What it cannot see is whether others are shown the same log: that takes
// somebody to compare checkpoints with.
package audit
