// Package proof is the answer to a look-up in the log of people, and whether it holds: the
// wire formats Lookup, History and Config, and their verification, offline.
//
//	Parse ─▶ Verify(lookup, asked, policy, now) ─▶ Result: the value, and the head to remember
//
// What Verify takes shows, to who trusts a Config alone, that the label has that version
// with that value, that there is no later one, and that the log shown here is the one that
// was shown before. It says at which Step another answer fails. What the log's operator may
// still do (show different people different logs, before anybody compares) is what
// witnesses are for: Policy has their place.
//
// The package is pure: no network, no storage, no clock but the one passed in. Whatever it
// is given, it bounds what it reads. Those who prove (keys/people) fill the same structs.
package proof
