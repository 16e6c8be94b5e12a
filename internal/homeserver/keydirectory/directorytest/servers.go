package directorytest

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/proof/prooftest"
)

// record is what the log of servers has about one.
type record struct {
	position int64
	json     []byte
	document []byte // nil unless it is served
}

// perPage is how many records one answer has.
const perPage = 2

// Document logs and seals a key document of a server, and serves it from then on, unless it is
// held until a time that is not zero: then that has to be over.
func (d *Directory) Document(server matrix.ServerName, document []byte, held time.Time) {
	d.Helper()
	r := map[string]any{"type": "im.signet.keys.server_keys.v1", "server_name": server, "keys": jsontext.Value(document), "sha256": "x", "seen": map[string]any{"ms": 1}}
	if !held.IsZero() {
		r["held_until"] = held.UnixMilli()
	}
	d.log(server, r, document)
}

// Record logs and seals anything about a server.
func (d *Directory) Record(server matrix.ServerName, object map[string]any) {
	d.log(server, object, nil)
}

func (d *Directory) log(server matrix.ServerName, object map[string]any, document []byte) {
	d.Helper()
	octets, err := matrix.CanonicalJSON(d.marshal(object))
	if err != nil {
		d.Fatal(err)
	}
	e, err := entry.NewRecord(octets)
	if err != nil {
		d.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	position := d.servers.Seal(d.Now(), e.Append(nil))
	d.records[server] = append(d.records[server], record{position, octets, document})
}

// QueryServerKeys answers as idclient.Client does. A server that is asked for keys which it does
// not have in the log is fetched: see Fetch.
func (d *Directory) QueryServerKeys(_ context.Context, _ idclient.Server, q idclient.KeyQuery) ([]jsontext.Value, error) {
	if fetch := d.Fetch; fetch != nil {
		fetch(q)
	}
	b, err := d.answer(func() []byte { return d.marshal(map[string]any{"server_keys": d.documents(q.Server)}) })
	if err != nil {
		return nil, err
	}
	var said struct {
		Keys []jsontext.Value `json:"server_keys"`
	}
	if json.Unmarshal(b, &said) != nil {
		return nil, fedclient.ErrBadAnswer
	}
	return said.Keys, nil
}

// documents are those that are served of a server, each with its proof and the directory's
// signature.
func (d *Directory) documents(server matrix.ServerName) []jsontext.Value {
	all := []jsontext.Value{}
	for _, r := range d.records[server] {
		if r.document == nil || d.heldUntil(r).After(d.Now()) {
			continue
		}
		var members map[string]jsontext.Value
		if err := json.Unmarshal(r.document, &members); err != nil {
			d.Fatal(err)
		}
		members["unsigned"] = d.marshal(map[string]any{"im.signet.keys": map[string]any{"log_proof": string(d.servers.Prove(r.position))}})
		signed, err := d.signing.Sign(d.Name, d.marshal(members))
		if err != nil {
			d.Fatal(err)
		}
		all = append(all, signed)
	}
	return all
}

func (d *Directory) heldUntil(r record) time.Time {
	var said struct {
		HeldUntil int64 `json:"held_until"`
	}
	_ = json.Unmarshal(r.json, &said)
	return time.UnixMilli(said.HeldUntil)
}

// ServerRecords answers as idclient.Client does.
func (d *Directory) ServerRecords(_ context.Context, _ idclient.Server, server matrix.ServerName, before int64) ([]byte, error) {
	return d.answer(func() []byte {
		records, next := []any{}, int64(0)
		all := d.records[server]
		for i := len(all) - 1; i >= 0; i-- {
			r := all[i]
			if before > 0 && r.position >= before {
				continue
			}
			if len(records) == perPage {
				next = all[i+1].position
				break
			}
			records = append(records, map[string]any{"position": r.position, "record": jsontext.Value(r.json),
				"proof": map[string]any{"log_proof": string(d.servers.Prove(r.position))}})
		}
		answer := map[string]any{"server_name": server, "records": records}
		if next > 0 {
			answer["next_before"] = next
		}
		return d.marshal(answer)
	})
}

// KeyLogCheckpoint answers as idclient.Client does.
func (d *Directory) KeyLogCheckpoint(_ context.Context, _ idclient.Server, log string) ([]byte, error) {
	return d.answer(func() []byte { return d.logOf(log).Checkpoint() })
}

// KeyLogTile answers as idclient.Client does.
func (d *Directory) KeyLogTile(_ context.Context, _ idclient.Server, log, path string) ([]byte, error) {
	var missing error
	b, err := d.answer(func() (tile []byte) {
		tile, missing = d.logOf(log).Tile(path)
		return tile
	})
	if missing != nil {
		return nil, fedclient.Refusal{Status: http.StatusNotFound, Errcode: matrix.NotFound}
	}
	return b, err
}

func (d *Directory) logOf(name string) *prooftest.Log {
	if name == "users" {
		return d.users
	}
	return d.servers
}
