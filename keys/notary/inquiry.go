package notary

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

const (
	// logPatience is how long a query waits until what a server has just said is logged.
	logPatience = 3 * time.Second
	logPoll     = 50 * time.Millisecond
	// maxObjects and maxOctets bound the documents of one server in an answer.
	maxObjects = 16
	maxOctets  = 48 << 10
)

// inquiry is a query about one server on its way.
type inquiry struct {
	notary  *Notary
	server  matrix.ServerName
	wanted  Wanted
	network netip.Prefix // of whoever asks
	blocked *Blocked     // in the end, the rest counts where it is nil
	known   known
	stale   bool     // the server has to be asked
	objects [][]byte // in the end
}

// look decides whether the server has to be asked. It writes nothing.
func (i *inquiry) look(ctx context.Context) error {
	if i.server == i.notary.Name {
		return nil
	}
	var err error
	if i.blocked, err = i.notary.blockOf(ctx, i.server); err != nil || i.blocked != nil {
		return err
	}
	if i.known, err = selectKnown(ctx, i.notary.DB, i.server); err != nil {
		return fmt.Errorf("reading what is known of a server: %w", err)
	}
	i.stale = i.known.stale(i.wanted, i.notary.Now()) && !i.notary.failures.waits(i.server, i.notary.Now())
	return nil
}

// fetch asks the server, and waits until what it says is in the log.
func (i *inquiry) fetch(ctx context.Context) {
	number := i.notary.refresh(ctx, asking{i.server, i.known.current.n != 0, i.network}, i.known)
	if number != 0 {
		i.awaitLogged(ctx, number)
	}
}

// awaitLogged waits until an object can be served.
func (i *inquiry) awaitLogged(ctx context.Context, number int64) {
	if i.notary.Prover == nil {
		return
	}
	for waited := time.Duration(0); waited < logPatience; waited += logPoll {
		if _, err := i.proven(ctx, number); err == nil || i.notary.Sleep(ctx, logPoll) != nil {
			return
		}
	}
	i.notary.Log.Warn("what a server said is not in the log yet, and is not served", "server", i.server)
}

// justSaid tells whether the server has answered another query a moment ago, so that what it said
// is on its way into the log.
func (i *inquiry) justSaid() bool {
	return !i.stale && i.notary.Now().Sub(i.known.current.fetched) < logPatience
}

var (
	errNotLogged = errors.New("it is not logged yet")
	errNotProven = errors.New("the log does not prove an entry")
)

// document is what a server said, and the log's proof that it is logged, where there is a
// log.
type document struct {
	json  []byte
	proof jsontext.Value
}

// proven reads an object that may be served. Errors: errNotLogged,
// errNotProven.
func (i *inquiry) proven(ctx context.Context, number int64) (document, error) {
	record, position, err := selectRecord(ctx, i.notary.DB, serverKeys, i.server, number)
	if err != nil {
		return document{}, err
	}
	object, err := objectIn(record)
	if err != nil || i.notary.Prover == nil {
		return document{json: object}, err
	}
	if position == 0 {
		return document{}, errNotLogged
	}
	proof, err := i.notary.Prover.Prove(ctx, position, record)
	if err != nil {
		return document{}, fmt.Errorf("%w: %w", errNotProven, err)
	}
	return document{object, proof}, nil
}

// load reads and signs what is known. It comes after all fetches, so it is what the newest
// answers say, as far as they are logged.
func (i *inquiry) load(ctx context.Context, signing matrix.SigningKey) error {
	if i.blocked != nil {
		return nil
	}
	if i.server == i.notary.Name {
		own, err := i.notary.Own(ctx)
		i.objects = [][]byte{own}
		return err
	}
	documents, err := i.documents(ctx)
	if err != nil {
		return fmt.Errorf("reading the keys of a server: %w", err)
	}
	for _, d := range documents {
		signed, err := d.sign(i.notary.Name, signing)
		if err != nil {
			return err
		}
		i.objects = append(i.objects, signed)
	}
	return nil
}

// octets is how long the objects are.
func (i *inquiry) octets() (n int) {
	for _, o := range i.objects {
		n += len(o)
	}
	return n
}

// documents are the newest object that may be served, last, and those before it that have
// keys which are wanted and stand in no newer one.
func (i *inquiry) documents(ctx context.Context) ([]document, error) {
	if i.stale { // it was asked
		var err error
		if i.known, err = selectKnown(ctx, i.notary.DB, i.server); err != nil {
			return nil, err
		}
	}
	if i.known.current.n == 0 {
		return nil, nil
	}
	more := i.known.numbers(i.wanted)
	newest, err := i.newest(ctx, i.known.current.n)
	if err == nil && newest.json == nil && i.justSaid() {
		i.awaitLogged(ctx, i.known.current.n)
		newest, err = i.newest(ctx, i.known.current.n)
	}
	if err != nil || newest.json == nil {
		return nil, err
	}
	delete(more, newest.n)
	all, octets := []document{newest.document}, len(newest.json)
	for _, number := range newestFirst(more) {
		d, err := i.proven(ctx, number)
		if err != nil && !i.later(err) {
			return nil, err
		}
		if octets += len(d.json); err == nil && octets <= maxOctets {
			all = append(all, d)
		}
	}
	slices.Reverse(all)
	return all, nil
}

type numbered struct {
	n int64
	document
}

// newest is the current object or, while that is not logged, the newest that is. It is zero
// where none is.
func (i *inquiry) newest(ctx context.Context, current int64) (numbered, error) {
	d, err := i.proven(ctx, current)
	if err == nil || !i.later(err) {
		return numbered{current, d}, err
	}
	numbers, err := selectServable(ctx, i.notary.DB, i.server, i.notary.Prover != nil, current, maxObjects)
	if err != nil {
		return numbered{}, err
	}
	for _, number := range numbers {
		d, err := i.proven(ctx, number)
		if err == nil {
			return numbered{number, d}, nil
		}
		if !i.later(err) {
			return numbered{}, err
		}
	}
	return numbered{}, nil
}

// later tells whether an object may only not be served yet, or is swept away.
func (i *inquiry) later(err error) bool {
	if errors.Is(err, errNotProven) {
		i.notary.Log.Warn("what is logged cannot be served", "server", i.server, "error", err)
		return true
	}
	return errors.Is(err, errNotLogged) || errors.Is(err, sql.ErrNoRows)
}

// newestFirst are some numbers, the greatest first, of too many only those.
func newestFirst(numbers map[int64]bool) []int64 {
	all := slices.Sorted(maps.Keys(numbers))
	slices.Reverse(all)
	return all[:min(maxObjects, len(all))]
}

// sign adds the proof, which signatures do not cover, and the notary's signature.
func (d document) sign(name matrix.ServerName, signing matrix.SigningKey) ([]byte, error) {
	object := d.json
	if d.proof != nil {
		var members map[string]jsontext.Value
		if err := json.Unmarshal(object, &members); err != nil {
			return nil, err
		}
		unsigned, err := json.Marshal(map[string]jsontext.Value{"im.signet.keys": d.proof})
		if err != nil {
			return nil, err
		}
		members["unsigned"] = unsigned
		if object, err = json.Marshal(members); err != nil {
			return nil, err
		}
	}
	return signing.Sign(name, object)
}
