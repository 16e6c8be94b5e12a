// Package quota keeps budgets: how many of something a subject may use up in a
// time. They stand in the database, so all replicas share them and a restart refills
// none. It knows what a budget counts; what something costs, who pays and what a
// refusal means is for the domains to say.
//
// A budget is a bucket that refills steadily (the generic cell rate algorithm, ITU-T
// I.371): at most Limit at once, and over any time t at most Limit × (1 + t/Per). A
// bucket is one number, the moment at which it is full again: using up moves that
// moment into the future, and it must not lie further ahead than an empty bucket
// needs. Budgets of one group, as those of a destination in an hour and in a day are,
// keep up to four such moments of a subject in one row. One statement refills and charges
// all budgets of a request and tells where that leaves them; if it is too far, another
// undoes it. A subject is stored as a keyed tag alone, another one in each group. After a
// change of Limit or Per, what was used comes back at the moment it would have.
//
// # Who waits for whom
//
// On SQLite, with one writer, all this is part of the caller's transaction, and nobody
// sees it before it commits. On PostgreSQL Reserve does it before that transaction, each
// statement committed by itself, so that requests that share a subject wait for each
// other's statements only and none of them fails. It looks at the budgets first and
// charges nothing where one has not enough, so that a refusal is in nobody's way.
//
// All or none of a request's budgets are charged whenever no charge is under way. In
// between a rival may see what is going to be given back: by one that lost the last of
// another budget in that moment, or by a transaction that does not commit. It may be
// refused for that, or be told to wait too long, but is never let through beyond the
// limit: each bucket's charges are made one after another, each is let through only if
// it finds itself and all before it that stand within an empty bucket's reach, and none
// gives back more than it took. So over any time t at most Limit × (1 + t/Per) stand, and
// what was under way at its beginning and was then given back, which had room of its own.
// A process that dies in between leaves what it charged used up; it comes back by itself.
//
// # Leases
//
// A budget of more than 1,000 an hour is leased, since a row that every request wrote
// would make every two of them rivals: a process charges the database for a block (a
// hundredth of Limit, at least 10, but at most a tenth of it) and serves charges of it
// from memory. A block is charged before any of it is spent, so over any time t all
// processes together let through at most Limit × (1 + t/Per) and what they had unspent
// at its beginning: each less than one block of a subject, besides what transactions
// under way had reserved and then released. A subject may be refused while other
// processes have as much unspent. A process gives up what it has not spent after Per,
// and at its end; that is lost until it comes back by itself, so besides a crash each
// process wastes less than one block in each Per.
//
// # Meters
//
// What one process answers thousands of times a second, and a restart may forget, is
// charged to a Meter: buckets in memory alone.
package quota
