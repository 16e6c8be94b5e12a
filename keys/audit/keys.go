package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"signet/keys/logkeys"
)

var errNoWay = errors.New("no CONFIG of the log is signed by it")

func (r *run) keys(context.Context) error {
	return r.vouched(r.now.Note, r.now.replay.Configs(), r.unvouched)
}

// vouched holds a checkpoint against the newest CONFIG that it covers, whose keys all have
// signed it; and where no known key has, that the one which is known has signed a CONFIG before.
// Each later one is signed by all keys of the one before it, which the replay has held.
func (a *Auditor) vouched(signed []byte, configs []logkeys.Config, unvouched error) error {
	newest := configs[len(configs)-1]
	for i, v := range newest.Verifiers() {
		if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
			return lie(Whole, Signed, "it is not signed by %s, which the log's newest CONFIG names: %w", newest.VKeys[i], err)
		}
	}
	if unvouched == nil || slices.ContainsFunc(configs, func(c logkeys.Config) bool { return c.SignedBy(a.Verifier) }) {
		return nil
	}
	return lie(Whole, Signed, "%w", errNoWay)
}

// blame is what is told of a lie. A checkpoint that no known key has signed, and to which no
// CONFIGs lead, may be anybody's: it proves nothing against the log.
func (r *run) blame(err error) error {
	if _, is := errors.AsType[Lie](err); !is || r.unvouched == nil {
		return with(r.now.Note, err)
	}
	return lie(Whole, Signed, "%w; nor do the log's entries lead to the key that has: %w", errors.Unwrap(r.unvouched), err)
}

// configs are the octets of the CONFIGs.
func configs(all []logkeys.Config) (entries [][]byte) {
	for _, c := range all {
		entries = append(entries, c.Entry().Append(nil))
	}
	return entries
}

var errConfigs = fmt.Errorf("its CONFIGs take more than %d octets", maxHeader)
