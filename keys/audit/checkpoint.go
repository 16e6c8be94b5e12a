package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	tformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxNote is the length of the longest checkpoint in octets; one with 32 signatures of
// witnesses is far shorter.
const maxNote = 64 << 10

// Checkpoint is a tree and the note that its log signed for it (C2SP tlog-checkpoint).
type Checkpoint struct {
	tlog.Tree
	Note []byte
}

// checkpoint reads the published checkpoint. It is unvouched if no key that is known has signed
// it, but one of the log's name has: CONFIGs may lead from the one to the other.
func (a *Auditor) checkpoint(ctx context.Context) (c Checkpoint, unvouched error, err error) {
	const path = "checkpoint"
	signed, err := a.Source.Fetch(ctx, path)
	if err != nil {
		return Checkpoint{}, nil, Unread{path, err}
	}
	return a.open(signed, a.known())
}

// known are the keys that sign, as far as was seen. The one that was given may be none of them any
// more: then whoever has stolen it must not be able to accuse the log.
func (a *Auditor) known() []note.Verifier {
	if configs := a.seen.replay.Configs(); len(configs) > 0 {
		if newest := configs[len(configs)-1].Verifiers(); len(newest) > 0 {
			return newest
		}
	}
	return []note.Verifier{a.Verifier}
}

// open holds a checkpoint against what C2SP tlog-checkpoint asks for: the origin, a size in
// decimal, a hash of 32 octets, each in its one form, and the log's own signature.
func (a *Auditor) open(signed []byte, known []note.Verifier) (c Checkpoint, unvouched error, err error) {
	if len(signed) > maxNote {
		return Checkpoint{}, nil, lie(Whole, Signed, "it has %d octets", len(signed))
	}
	n, err := openBy(signed, known)
	if err != nil && n != nil && a.isOther(n) {
		origin, _, _ := strings.Cut(n.Text, "\n")
		return Checkpoint{}, nil, OtherLog{Key: fmt.Sprintf("%s+%08x", a.Verifier.Name(), a.Verifier.KeyHash()), Origin: origin}
	}
	if err != nil {
		err = lie(Whole, Signed, "it is not signed by %s: %w", named(known), err)
		if n == nil || !slices.ContainsFunc(n.UnverifiedSigs, func(s note.Signature) bool { return s.Name == a.Origin }) {
			return Checkpoint{}, nil, err
		}
		unvouched = err
	}
	c, err = a.parse(n, signed)
	return c, unvouched, err
}

// named names keys as people are told of them.
func named(keys []note.Verifier) string {
	var all []string
	for _, k := range keys {
		all = append(all, fmt.Sprintf("%s+%08x", k.Name(), k.KeyHash()))
	}
	return strings.Join(all, " or ")
}

// openBy reads a note that one of the keys has signed, and with the error one that none has.
// Keys of one name and hash are told apart, which is 32 bits and may be made the same.
func openBy(signed []byte, keys []note.Verifier) (n *note.Note, err error) {
	for _, k := range keys {
		if n, err = note.Open(signed, note.VerifierList(k)); err == nil {
			return n, nil
		}
		unverified, is := errors.AsType[*note.UnverifiedNoteError](err)
		if !is {
			return nil, err
		}
		n = unverified.Note
	}
	return n, err
}

func (a *Auditor) parse(n *note.Note, signed []byte) (Checkpoint, error) {
	var c tformat.Checkpoint
	extension, err := c.Unmarshal([]byte(n.Text))
	if err != nil {
		return Checkpoint{}, lie(Whole, Signed, "%w", err)
	}
	if c.Origin != a.Origin {
		return Checkpoint{}, lie(Whole, Signed, "it is of the log %q", c.Origin)
	}
	if string(c.Marshal())+string(extension) != n.Text || len(c.Hash) != tlog.HashSize || c.Size > math.MaxInt64>>tileHeight {
		return Checkpoint{}, lie(Whole, Signed, "its size %d or its hash %s is not written as it should be", c.Size, base64.StdEncoding.EncodeToString(c.Hash))
	}
	if c.Size == 0 {
		return Checkpoint{}, lie(Whole, "I1", "it covers no entry, so that it ends in no EPOCH")
	}
	return Checkpoint{tlog.Tree{N: int64(c.Size), Hash: tlog.Hash(c.Hash)}, signed}, nil
}

// OtherLog is the error of a log that says itself that it is another than the one that was to be
// audited, and that the key is not of. It breaks no promise: whoever asks has mixed two logs up.
type OtherLog struct {
	Key    string // name+hash
	Origin string // of the log that is there
}

func (o OtherLog) Error() string {
	return fmt.Sprintf("the key %s is of another log: what is there is the log %q", o.Key, o.Origin)
}

// isOther tells whether a note that the key has not signed is of a log of another name, by its
// text and by all who have signed it. One of this log's name without its signature is a lie.
func (a *Auditor) isOther(n *note.Note) bool {
	if strings.HasPrefix(n.Text, a.Origin+"\n") {
		return false
	}
	return !slices.ContainsFunc(n.UnverifiedSigs, func(s note.Signature) bool { return s.Name == a.Origin || s.Name == a.Verifier.Name() })
}
