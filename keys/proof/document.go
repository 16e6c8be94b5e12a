package proof

import (
	"bytes"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

// serverKeysType is that of a RECORD of a key document.
const serverKeysType = "im.signet.keys.server_keys.v1"

// ServerKeys is a key document (server-server API, "Publishing Keys") that the log of servers has.
type ServerKeys struct {
	Record
	// Document is the document as the server has signed it, in canonical JSON: nothing is proven
	// here of its signatures.
	Document []byte
	LogProof string // a C2SP tlog-proof, as the object has it
	// HeldUntil is until when the directory tells nobody of these keys, since they do not go on
	// from those before; zero where they do.
	HeldUntil time.Time
}

// keysRecord is what a RECORD of a key document says.
type keysRecord struct {
	Type       string            `json:"type"`
	ServerName matrix.ServerName `json:"server_name"`
	Keys       jsontext.Value    `json:"keys"`
	HeldUntil  int64             `json:"held_until"`
}

// VerifyServerKeys tells whether a notary's answer about a server is what the log has: the object
// proves itself in unsigned."im.signet.keys".log_proof, and is what stands there, but for that and
// for the signatures of notaries. Errors: *Failed as of VerifyRecord.
func VerifyServerKeys(object []byte, server matrix.ServerName, p Policy, seen Seen) (ServerKeys, error) {
	d := &documentProof{object: object, server: server}
	if _, err := run([]check{{StepRecord, d.read}}); err != nil {
		return ServerKeys{}, err
	}
	record, err := VerifyRecord([]byte(d.proof), p, seen)
	if err != nil {
		return ServerKeys{}, err
	}
	d.record = record.JSON
	held, err := run([]check{{StepDocument, d.same}})
	if err != nil {
		return ServerKeys{}, err
	}
	record.Held = append(record.Held, held...)
	k := ServerKeys{Record: record, Document: d.document, LogProof: d.proof}
	if d.said.HeldUntil > 0 {
		k.HeldUntil = time.UnixMilli(d.said.HeldUntil)
	}
	return k, nil
}

// ParseServerKeysRecord reads a record of a server's key document, which is nil where the record
// is of something else.
func ParseServerKeysRecord(record []byte) (document []byte, heldUntil time.Time, err error) {
	var said keysRecord
	if err := json.Unmarshal(record, &said); err != nil {
		return nil, time.Time{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if said.Type != serverKeysType {
		return nil, time.Time{}, nil
	}
	if said.HeldUntil > 0 {
		heldUntil = time.UnixMilli(said.HeldUntil)
	}
	return said.Keys, heldUntil, nil
}

// documentProof is one run of VerifyServerKeys, with what its steps come to.
type documentProof struct {
	object []byte
	server matrix.ServerName

	proof    string
	document []byte
	record   []byte
	said     keysRecord
}

// read takes the object apart.
func (d *documentProof) read() (string, error) {
	var members map[string]jsontext.Value
	if err := unmarshal(d.object, MaxRecordProof+4*maxNote, &members); err != nil {
		return "", err
	}
	var unsigned struct {
		Keys struct {
			LogProof string `json:"log_proof"`
		} `json:"im.signet.keys"`
	}
	if len(members["unsigned"]) == 0 || json.Unmarshal(members["unsigned"], &unsigned) != nil || unsigned.Keys.LogProof == "" {
		return "", malformed("the keys of a server without a proof")
	}
	d.proof = unsigned.Keys.LogProof
	delete(members, "unsigned")
	var signatures map[matrix.ServerName]jsontext.Value
	if json.Unmarshal(members["signatures"], &signatures) != nil || signatures[d.server] == nil {
		return "", malformed("the keys of a server that nobody has signed")
	}
	written, err := json.Marshal(map[matrix.ServerName]jsontext.Value{d.server: signatures[d.server]})
	if err != nil {
		return "", malformed("%w", err)
	}
	members["signatures"] = written
	if written, err = json.Marshal(members); err != nil {
		return "", malformed("%w", err)
	}
	if d.document, err = matrix.CanonicalJSON(written); err != nil {
		return "", malformed("%w", err)
	}
	return "it has a proof", nil
}

// same holds the object against the record.
func (d *documentProof) same() (string, error) {
	if err := json.Unmarshal(d.record, &d.said); err != nil {
		return "", fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if d.said.Type != serverKeysType || d.said.ServerName != d.server {
		return "", fmt.Errorf("%w: it is one of another kind or server", ErrRecord)
	}
	if !bytes.Equal(d.said.Keys, d.document) {
		return "", fmt.Errorf("%w: it is another document", ErrRecord)
	}
	return "the document is what the record has", nil
}
