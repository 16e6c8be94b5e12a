package proof

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
)

const (
	tlogProof = "c2sp.org/tlog-proof@v1"
	// MaxRecordProof is the length of the longest proof of a record in octets.
	MaxRecordProof = maxNote + 128 + (maxPath+1)*45 + (entry.MaxLen+2)*4/3
)

// ErrRecord is the error of an entry that is not shown to stand where it should, or that is not
// what it should be.
var ErrRecord = errors.New("the log does not have the record")

// ServersPolicy is the policy for the log of servers. The error is ErrPolicy.
func (c Config) ServersPolicy() (p Policy, err error) {
	users, err := c.Policy()
	if err != nil {
		return Policy{}, err
	}
	p = Policy{Origin: c.Servers.Origin, Server: c.Server, Witnesses: users.Witnesses, Needed: users.Needed, MaxBehind: DefaultMaxBehind, MaxAhead: DefaultMaxAhead}
	if p.LogKeys, err = c.Servers.verifiers(); err != nil {
		return Policy{}, err
	}
	if p.Origin == "" || len(p.LogKeys) == 0 {
		return Policy{}, fmt.Errorf("%w: there is no log of servers", ErrPolicy)
	}
	return p, nil
}

// Seen is what is known of a log from before, and how more of it is read.
type Seen struct {
	Head  *tlog.Tree // the last one; nil for none
	Tiles Tiles      // where the log is read to hold trees of different size against each other; nil for nowhere
}

// Record is what a log of servers has, and where.
type Record struct {
	Position int64
	JSON     []byte    // of the entry
	Head     tlog.Tree // for which it is proven; to be remembered where it is newer
	Held     []Line
}

// VerifyRecord tells whether a C2SP tlog-proof holds, whose extra data is the entry: that the log
// has signed the checkpoint, that the entry stands there as a RECORD, and that the tree is one of
// the log that was seen. Errors: *Failed, which wraps why, ErrUnread where nothing can be said.
func VerifyRecord(text []byte, p Policy, seen Seen) (Record, error) {
	v := &recordProof{text: text, policy: p, seen: seen}
	held, err := run([]check{{StepCheckpoint, v.signed}, {StepRecord, v.stands}, {StepConsistency, v.consistent}})
	if err != nil {
		return Record{}, err
	}
	return Record{Position: v.index, JSON: v.record.JSON(), Head: v.tree, Held: held}, nil
}

// recordProof is one run of VerifyRecord, with what its steps come to.
type recordProof struct {
	text   []byte
	policy Policy
	seen   Seen

	index  int64
	path   tlog.RecordProof
	tree   tlog.Tree
	record entry.Record
}

func (v *recordProof) signed() (string, error) {
	head, note, _ := bytes.Cut(v.text, []byte("\n\n"))
	if len(v.text) > MaxRecordProof {
		return "", malformed("it is longer than %d octets", MaxRecordProof)
	}
	if err := v.read(strings.Split(string(head), "\n")); err != nil {
		return "", err
	}
	c, err := v.policy.open(string(note))
	if err != nil {
		return "", err
	}
	v.tree = c.Tree
	return fmt.Sprintf("%s has signed a tree of %d entries", v.policy.Origin, v.tree.N), nil
}

// read reads what stands before the checkpoint (C2SP tlog-proof, "Format").
func (v *recordProof) read(lines []string) (err error) {
	if len(lines) < 3 || len(lines) > 3+maxPath || lines[0] != tlogProof {
		return malformed("not a proof of an entry (%s)", tlogProof)
	}
	extra, hasExtra := strings.CutPrefix(lines[1], "extra ")
	index, hasIndex := strings.CutPrefix(lines[2], "index ")
	octets, errExtra := decode64(extra)
	v.index, err = strconv.ParseInt(index, 10, 64)
	if !hasExtra || !hasIndex || errExtra != nil || err != nil || v.index < 0 || strconv.FormatInt(v.index, 10) != index {
		return malformed("not a proof of an entry with the entry in it")
	}
	for _, line := range lines[3:] {
		hash, err := decode64(line)
		if err != nil || len(hash) != tlog.HashSize {
			return malformed("a hash of the path is none")
		}
		v.path = append(v.path, tlog.Hash(hash))
	}
	e, err := entry.Parse(octets)
	if err != nil {
		return malformed("%w", err)
	}
	record, is := e.(entry.Record)
	if !is {
		return malformed("the entry is no record")
	}
	v.record = record
	return nil
}

// decode64 reads padded base64 in its one spelling.
func decode64(text string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err == nil && base64.StdEncoding.EncodeToString(b) != text {
		err = errOctets
	}
	return b, err
}

func (v *recordProof) stands() (string, error) {
	if v.index >= v.tree.N {
		return "", fmt.Errorf("%w: there is no entry %d", ErrRecord, v.index)
	}
	if err := tlog.CheckRecord(v.path, v.tree.N, v.tree.Hash, v.index, tlog.RecordHash(v.record.Append(nil))); err != nil {
		return "", fmt.Errorf("%w: entry %d: %w", ErrRecord, v.index, err)
	}
	return fmt.Sprintf("the record is entry %d", v.index), nil
}

func (v *recordProof) consistent() (string, error) {
	if v.seen.Head == nil {
		return "no head was remembered to compare with", nil
	}
	if err := (reader{v.seen.Tiles}).continues(*v.seen.Head, v.tree); err != nil {
		return "", err
	}
	return fmt.Sprintf("it is the log of which a tree of %d entries was seen before", v.seen.Head.N), nil
}
