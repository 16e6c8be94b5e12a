package proof

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	tformat "github.com/transparency-dev/formats/log"
	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	maxNote       = 64 << 10
	maxSignatures = 32
)

// ErrLogKey is the error of a checkpoint that no key of the log has signed which is known.
var ErrLogKey = errors.New("the log has not signed the checkpoint")

var (
	errNote   = errors.New("the checkpoint is not well-formed")
	errOrigin = errors.New("the checkpoint is of another log")
	errQuorum = errors.New("too few witnesses have signed the checkpoint")
)

// checkpoint is a note of a log that was opened.
type checkpoint struct {
	tlog.Tree
	witnessed []time.Time // when each witness saw it, the newest first
}

// open reads a signed note and holds its signatures against the policy.
func (p Policy) open(text string) (checkpoint, error) {
	if err := checkNote(text); err != nil {
		return checkpoint{}, err
	}
	n, err := note.Open([]byte(text), note.VerifierList(append(slices.Clone(p.LogKeys), p.Witnesses...)...))
	if err != nil {
		return checkpoint{}, fmt.Errorf("%w: %w", ErrLogKey, err)
	}
	t, err := parseText(p.Origin, n.Text)
	if err != nil {
		return checkpoint{}, err
	}
	if !slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return has(p.LogKeys, s) }) {
		return checkpoint{}, ErrLogKey
	}
	witnessed, err := p.witnessed(n.Sigs)
	return checkpoint{t, witnessed}, err
}

// checkNote bounds a note, and wants its signatures in base64 of one spelling, so that no
// character of it can be changed.
func checkNote(text string) error {
	end := strings.LastIndex(text, "\n\n")
	if len(text) > maxNote || end < 0 {
		return errNote
	}
	signatures := strings.TrimSuffix(text[end+2:], "\n")
	if strings.Count(signatures, "\n") >= maxSignatures {
		return fmt.Errorf("%w: more than %d signatures", errNote, maxSignatures)
	}
	for line := range strings.SplitSeq(signatures, "\n") {
		signature := line[strings.LastIndexByte(line, ' ')+1:]
		b, err := base64.StdEncoding.DecodeString(signature)
		if err != nil || base64.StdEncoding.EncodeToString(b) != signature {
			return fmt.Errorf("%w: a signature is not in base64", errNote)
		}
	}
	return nil
}

// parseText reads the text of a checkpoint in the one form in which it is written. Lines
// after the third are an extension that we have no use for.
func parseText(origin, text string) (tlog.Tree, error) {
	var c tformat.Checkpoint
	rest, err := c.Unmarshal([]byte(text))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%w: %w", errNote, err)
	}
	if string(c.Marshal())+string(rest) != text || len(c.Hash) != tlog.HashSize || c.Size == 0 || c.Size > math.MaxInt64 {
		return tlog.Tree{}, errNote
	}
	if c.Origin != origin {
		return tlog.Tree{}, fmt.Errorf("%w: %.80q", errOrigin, c.Origin)
	}
	return tlog.Tree{N: int64(c.Size), Hash: tlog.Hash(c.Hash)}, nil
}

// witnessed lists when witnesses have signed; a witness of two keys counts by the newer.
func (p Policy) witnessed(signatures []note.Signature) ([]time.Time, error) {
	newest := map[string]time.Time{}
	for _, s := range signatures {
		if !has(p.Witnesses, s) {
			continue
		}
		at, err := cosignature.CoSigV1Timestamp(s)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNote, err)
		}
		if at.After(newest[s.Name]) {
			newest[s.Name] = at
		}
	}
	if len(newest) < p.Needed {
		return nil, fmt.Errorf("%w: %d, and %d are needed", errQuorum, len(newest), p.Needed)
	}
	times := make([]time.Time, 0, len(newest))
	for _, at := range newest {
		times = append(times, at)
	}
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	return times, nil
}

// FormatHead writes a head of a log to be remembered: the text of a checkpoint, not signed.
func FormatHead(origin string, head tlog.Tree) []byte {
	return tformat.Checkpoint{Origin: origin, Size: uint64(head.N), Hash: head.Hash[:]}.Marshal()
}

// ParseHead reads what FormatHead writes. The error is of a head that is none, or of
// another log.
func ParseHead(origin string, text []byte) (tlog.Tree, error) {
	if len(text) > maxNote {
		return tlog.Tree{}, errNote
	}
	return parseText(origin, string(text))
}
