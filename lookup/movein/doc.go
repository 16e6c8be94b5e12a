// Package movein reads what other identity servers hold, and lines of JSON, so that
// the people who can be found there can be found here.
//
// A Read function turns a file into a Load: bindings, one an address, and accepted
// terms, with a tally of every row that stays behind, by reason and place and never by
// content. Of several rows about one address, in its canonical form, the newest wins;
// where it says that the binding was taken back, nobody is bound. A file gives the same
// Load each time it is read, and nothing is written to it.
//
// Load.Compare and Load.Write bring a Load to a Directory in batches. Since the newest
// wins there too, writing again changes nothing, and one that was interrupted is
// completed by writing again: no progress is kept that could be wrong.
//
// Its neighbours: lookup holds the bindings, cmd gives the file and prints the report.
package movein
