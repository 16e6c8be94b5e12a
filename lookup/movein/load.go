package movein

import (
	"slices"
	"time"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/lookup"
)

// Reason is why a row stays behind, as a report says it.
type Reason string

// Reasons of single rows, in the order in which they are reported.
const (
	NoMedium     Reason = "the medium is neither email nor msisdn"
	NoAddress    Reason = "no address that could be proven here"
	OtherMailbox Reason = "folds to another mailbox than was proven"
	NoUser       Reason = "no user id"
	NoLine       Reason = "no line of JSON as export writes it"
	TakenBack    Reason = "taken back by its owner"
	Expired      Reason = "has expired"
	Elsewhere    Reason = "proven at another server, which answers for it"
	NoURL        Reason = "no URL of a document"
)

// Reasons is every Reason.
var Reasons = []Reason{NoMedium, NoAddress, OtherMailbox, NoUser, NoLine, TakenBack, Expired, Elsewhere, NoURL}

// Place is where a row stands: its table and rowid, or the number of its line.
type Place struct {
	Table string
	Row   int64
}

// Acceptance is that a user accepted a document. Accepted is zero where the time was
// not kept.
type Acceptance struct {
	User     matrix.UserID
	URL      string
	Accepted time.Time
}

// Stay is what the other server keeps and this one has no use for.
type Stay struct {
	What string
	Rows int
	Why  string

	table, where string // which rows of which table
}

// Load is what a file holds. Each row that was read is among the bindings or the
// acceptances, merged, or left.
type Load struct {
	Bindings []lookup.Moved // one an address, in the order of their first rows
	Accepted []Acceptance
	Read     int // rows
	Merged   int // rows about an address of which another row said more, or the same
	Capped   int // rows whose time was still to come when the file was last written
	Left     map[Reason][]Place
	Stays    []Stay
}

// Options are what reading a file takes.
type Options struct {
	// Now is the present. What is dated after it, or after the file was last
	// written, counts as of then.
	Now time.Time
	// Progress is told how many rows have been read, now and then. It may be nil.
	Progress func(rows int)
	// Name is the name under which the other server signed what it bound, as it stands
	// in its database.
	Name string
}

// row is what a file says about an address.
type row struct {
	Place
	medium, address, user string
	taken                 bool  // the binding was taken back
	bound                 int64 // milliseconds since 1970, 0 or less where nobody knows
	rank                  rank
}

// statement is a row that could be read. One that was taken back names no user.
type statement struct {
	lookup.Moved
	rank rank
}

// rank is how much a table says: rows of a higher one win, whatever their times.
type rank uint8

func (s statement) live() bool { return s.User != "" }

// reader builds a Load.
type reader struct {
	Options
	newest    int64 // no row can be of a later time, in milliseconds
	load      *Load
	byAddress map[threepid.Address]int // in the load's bindings and in ranks
	ranks     []rank
	accepted  map[Acceptance]bool // without their times
}

// newReader reads a file that was last written at written. Its rows are no younger:
// that keeps a time from the future the same however often the file is read, and so
// always older than what was bound here since.
func newReader(o Options, written time.Time) *reader {
	if o.Progress == nil {
		o.Progress = func(int) {}
	}
	return &reader{
		Options:   o,
		newest:    min(o.Now.UnixMilli(), written.UnixMilli()),
		load:      &Load{Left: map[Reason][]Place{}},
		byAddress: map[threepid.Address]int{},
		accepted:  map[Acceptance]bool{},
	}
}

// progressEvery is after how many rows progress is told.
const progressEvery = 1000

func (r *reader) count() {
	r.load.Read++
	if r.load.Read%progressEvery == 0 {
		r.Progress(r.load.Read)
	}
}

func (r *reader) leave(p Place, why Reason) { r.load.Left[why] = append(r.load.Left[why], p) }

// add reads a row and merges it.
func (r *reader) add(in row) {
	r.count()
	address, why := readAddress(in.medium, in.address)
	if why != "" {
		r.leave(in.Place, why)
		return
	}
	s := statement{Moved: lookup.Moved{Address: address, Bound: r.moment(in.bound)}, rank: in.rank}
	if in.taken {
		r.leave(in.Place, TakenBack)
		r.merge(s)
		return
	}
	var err error
	if s.User, err = matrix.ParseUserID(in.user); err != nil {
		r.leave(in.Place, NoUser)
		return
	}
	r.merge(s)
}

// merge keeps the newest statement about an address, of two at the same time the later
// one.
func (r *reader) merge(s statement) {
	i, known := r.byAddress[s.Address]
	if !known {
		r.byAddress[s.Address] = len(r.ranks)
		r.load.Bindings, r.ranks = append(r.load.Bindings, s.Moved), append(r.ranks, s.rank)
		return
	}
	winner, loser := s, statement{r.load.Bindings[i], r.ranks[i]}
	if loser.saysMoreThan(s) {
		winner, loser = loser, s
	}
	if loser.live() { // one that was taken back is among those left
		r.load.Merged++
	}
	r.load.Bindings[i], r.ranks[i] = winner.Moved, winner.rank
}

func (s statement) saysMoreThan(later statement) bool {
	if s.rank != later.rank {
		return s.rank > later.rank
	}
	return s.Bound.After(later.Bound)
}

// moment is a time as a file holds it.
func (r *reader) moment(ms int64) time.Time {
	switch {
	case ms <= 0:
		return time.Time{}
	case ms > r.newest:
		r.load.Capped++
		return time.UnixMilli(r.newest)
	}
	return time.UnixMilli(ms)
}

// accept reads that a user accepted a document. The first acceptance counts.
func (r *reader) accept(p Place, user, url string, accepted int64) {
	r.count()
	id, err := matrix.ParseUserID(user)
	switch {
	case err != nil:
		r.leave(p, NoUser)
	case !validURL(url):
		r.leave(p, NoURL)
	case r.accepted[Acceptance{User: id, URL: url}]:
		r.load.Merged++
	default:
		r.accepted[Acceptance{User: id, URL: url}] = true
		r.load.Accepted = append(r.load.Accepted, Acceptance{id, url, r.moment(accepted)})
	}
}

// done is the Load, when every row is read.
func (r *reader) done() *Load {
	r.load.Bindings = slices.DeleteFunc(r.load.Bindings, func(m lookup.Moved) bool { return m.User == "" })
	r.Progress(r.load.Read)
	return r.load
}
