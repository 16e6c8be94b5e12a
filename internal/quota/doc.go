// Package quota keeps budgets: how many of something a subject may use up in a
// time. They stand in the database, so all replicas share them and a restart refills
// none. It knows what a budget counts; what something costs, who pays and what a
// refusal means is for the domains to say.
//
// A budget is a bucket that refills steadily (the generic cell rate algorithm, ITU-T
// I.371): at most Limit at once, and over any time t at most Limit × (1 + t/Per). A
// bucket is one number, the moment at which it is full again: using up moves that
// moment into the future, and it must not lie further ahead than an empty bucket
// needs. One statement refills, checks and charges, so rivals cannot both have the
// last. A subject is stored as a keyed tag alone, another one in each budget. After a
// change of Limit or Per, what was used comes back at the moment it would have.
package quota
