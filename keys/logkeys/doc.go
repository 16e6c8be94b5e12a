// Package logkeys is about the keys of a log: which ones a CONFIG entry names, and whether
// those before it have vouched for them.
//
//	CONFIG 0 ──────────▶ CONFIG 17 ──────────▶ CONFIG 90
//	names A              names B and A         names B
//	                     signed by A and B     signed by B and A
//
// A CONFIG after the first is signed by every key that the one before it names and by every
// key that it names itself, and says by a hash which one it follows. So whoever knows one key
// of the log finds those after it by the CONFIGs alone, and whoever has stolen one of two
// cannot make the next.
//
// A CONFIG of the log of users names, too, the keys by which the server signs values from there
// on, for which the keys of the log vouch as they do for each other. It is pure.
package logkeys
