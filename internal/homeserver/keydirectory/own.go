package keydirectory

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/serverkeys"
	"signet/keys/proof"
)

// Own is this homeserver, whose keys are to stand in the log of servers.
type Own struct {
	Server matrix.ServerName
	Keys   *keyring.Ring
}

// OwnState is what the log of servers has of this homeserver.
type OwnState struct {
	KeyID     matrix.KeyID // that was looked for; empty before the first time
	Position  int64        // of the document with that key; 0 where it is not there yet
	HeldUntil time.Time    // until when the directory tells nobody of it; zero where it does
	looked    int64        // up to which entry the records were looked through
}

// ErrNotLogged says that the log of servers does not have the key by which this homeserver signs.
var ErrNotLogged = errors.New("the log of servers does not have the key by which this server signs yet")

// State is what the log of servers was seen to have of this homeserver.
func (d *Directory) State(ctx context.Context) (OwnState, error) {
	s, err := selectOwn(ctx, d.DB, d.serversOrigin())
	if err != nil {
		return OwnState{}, fmt.Errorf("reading what the log of servers has of this server: %w", err)
	}
	return s, nil
}

// ahead is how long the own document has to be valid still where the directory has it: it is
// fetched anew in the middle of its life, and asked for often enough.
const (
	ahead      = serverkeys.Life / 2
	publishing = serverkeys.Life / 4
)

// Publish has the directory fetch this homeserver's keys, unless it has them, and verifies that the
// key by which it signs stands in the log. Errors: ErrNotLogged besides those of ServerKeys.
func (d *Directory) Publish(ctx context.Context) (now OwnState, err error) {
	key, err := d.Own.Keys.Current(ctx)
	if err != nil {
		return OwnState{}, err
	}
	proven, err := d.ServerKeys(ctx, idclient.KeyQuery{Server: d.Own.Server, ID: key.ID, Until: d.Now().Add(ahead)})
	if err != nil {
		return OwnState{}, err
	}
	before, err := d.State(ctx)
	if err != nil {
		return OwnState{}, err
	}
	now.KeyID = key.ID
	for _, k := range proven {
		if has(d.Own.Server, k.Document, key) {
			now.Position = k.Position
		}
	}
	if now.Position == 0 {
		if now.HeldUntil, err = d.heldUntil(ctx, key); err != nil {
			return OwnState{}, err
		}
	}
	if err := upsertOwn(ctx, d.DB, d.serversOrigin(), now); err != nil {
		return OwnState{}, fmt.Errorf("keeping what the log of servers has of this server: %w", err)
	}
	d.tell(ctx, before, now)
	if now.Position == 0 && now.HeldUntil.IsZero() {
		return now, ErrNotLogged
	}
	return now, nil
}

// has tells whether a document of a server has a key, by which it signs.
func has(server matrix.ServerName, document []byte, key matrix.SigningKey) bool {
	parsed, err := serverkeys.Parse(server, document)
	return err == nil && parsed.Verify[key.ID].Equal(key.Public())
}

// tell says what has become of the own key, once.
func (d *Directory) tell(ctx context.Context, before, now OwnState) {
	switch {
	case now.Position > 0 && (before.KeyID != now.KeyID || before.Position == 0):
		d.Log.InfoContext(ctx, "the key by which this server signs stands in the log of servers", "directory", d.At.Name, "key", now.KeyID, "entry", now.Position)
	case !now.HeldUntil.IsZero() && (before.KeyID != now.KeyID || before.HeldUntil.IsZero()):
		d.Log.WarnContext(ctx, "the key directory holds the key back by which this server signs, since it does not go on from those before",
			"directory", d.At.Name, "key", now.KeyID, "until", now.HeldUntil)
	}
}

// heldUntil is until when the directory tells nobody of a key of this homeserver that stands in
// its log; zero where it does not stand there.
func (d *Directory) heldUntil(ctx context.Context, key matrix.SigningKey) (time.Time, error) {
	page, err := d.records(ctx, 0)
	if err != nil {
		return time.Time{}, err
	}
	for _, r := range page.records {
		document, held, err := proof.ParseServerKeysRecord(r.JSON)
		if err == nil && document != nil && has(d.Own.Server, document, key) && held.After(d.Now()) {
			return held, nil
		}
	}
	return time.Time{}, nil
}

// page is some of what the log of servers has about this homeserver, the newest first, proven.
type page struct {
	records []proof.Record
	before  int64 // where the older ones begin; 0 for none
}

// records asks for what the log has about this homeserver before a position, 0 for the newest.
func (d *Directory) records(ctx context.Context, before int64) (page, error) {
	answer, err := d.Asker.ServerRecords(ctx, d.At, d.Own.Server, before)
	if err != nil {
		return page{}, err
	}
	var said struct {
		Records []struct {
			Position int64 `json:"position"`
			Proof    struct {
				LogProof string `json:"log_proof"`
			} `json:"proof"`
		} `json:"records"`
		Before int64 `json:"next_before"`
	}
	if json.Unmarshal(answer, &said) != nil {
		return page{}, fmt.Errorf("the records of the log of servers: %w", fedclient.ErrBadAnswer)
	}
	p := page{before: said.Before}
	for _, s := range said.Records {
		var r proof.Record
		err := d.provenBy(ctx, Servers, d.Own.Server.String(), answer, func(policy proof.Policy, seen proof.Seen) (head tlog.Tree, err error) {
			r, err = proof.VerifyRecord([]byte(s.Proof.LogProof), policy, seen)
			if err == nil && r.Position != s.Position {
				err = &proof.Failed{Step: proof.StepRecord, Err: proof.ErrRecord, Held: r.Held}
			}
			return r.Head, err
		})
		if err != nil {
			return page{}, err
		}
		p.records = append(p.records, r)
	}
	return p, nil
}

// maxPages is how many pages of records are looked through at a time, the newest first.
const maxPages = 100

// WatchOwn looks through what the log of servers has about this homeserver and was not looked at
// yet. A key that it never had is an Alarm, which does not stop the log: somebody else shows keys
// in its name.
func (d *Directory) WatchOwn(ctx context.Context) error {
	if err := d.stopped(ctx, Servers); err != nil {
		return err
	}
	state, err := d.State(ctx)
	if err != nil {
		return err
	}
	newest := state.looked
	for before, pages := int64(0), 0; pages < maxPages; pages++ {
		p, err := d.records(ctx, before)
		if err != nil {
			return err
		}
		own, err := d.ownKeys(ctx) // after what shows them: they may be new
		if err != nil {
			return err
		}
		for _, r := range p.records {
			newest = max(newest, r.Position)
			if r.Position > state.looked {
				if err := d.look(ctx, r, own); err != nil {
					return err
				}
			}
		}
		if n := len(p.records); p.before == 0 || n == 0 || p.records[n-1].Position <= state.looked || before != 0 && p.before >= before {
			break
		}
		before = p.before
	}
	return updateLooked(ctx, d.DB, d.serversOrigin(), newest)
}

// ownKeys are all keys that this homeserver ever had.
func (d *Directory) ownKeys(ctx context.Context) (map[matrix.KeyID]ed25519.PublicKey, error) {
	history, err := d.Own.Keys.History(ctx)
	if err != nil {
		return nil, err
	}
	own := map[matrix.KeyID]ed25519.PublicKey{}
	for _, k := range history {
		own[k.ID] = k.Public
	}
	return own, nil
}

// published is what a record says of keys: a document, of one that was refused too, or what the
// directory's operator has decided.
type published struct {
	ServerName matrix.ServerName `json:"server_name"`
	Keys       struct {
		Verify map[matrix.KeyID]publicKey `json:"verify_keys"`
		Old    map[matrix.KeyID]publicKey `json:"old_verify_keys"`
	} `json:"keys"`
	KeyID matrix.KeyID `json:"key_id"`
	Is    string       `json:"is"`
}

type publicKey struct {
	Key string `json:"key"`
}

// look raises an alarm for each key in a record that this homeserver never had. What was raised
// stays if the next one cannot be.
func (d *Directory) look(ctx context.Context, r proof.Record, own map[matrix.KeyID]ed25519.PublicKey) error {
	var said published
	if json.Unmarshal(r.JSON, &said) != nil || said.ServerName != d.Own.Server {
		return nil // a record of something else, of which this server has no opinion
	}
	shown := map[matrix.KeyID][]string{}
	for _, keys := range []map[matrix.KeyID]publicKey{said.Keys.Verify, said.Keys.Old} {
		for id, k := range keys {
			shown[id] = append(shown[id], k.Key)
		}
	}
	if said.Is != "" {
		shown[said.KeyID] = append(shown[said.KeyID], said.Is)
	}
	for id, keys := range shown {
		for _, key := range keys {
			if public, err := matrix.DecodeBase64(key); err == nil && own[id].Equal(ed25519.PublicKey(public)) {
				continue
			}
			if err := d.impostor(ctx, r, id, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxImpostors is how many keys in this homeserver's name are alarms at a time: the log has those
// that come after, and nobody fills the database with them.
const maxImpostors = 100

// impostor raises the alarm of a key that this homeserver never had, once for each that stands.
// The error is of keeping it.
func (d *Directory) impostor(ctx context.Context, r proof.Record, id matrix.KeyID, key string) error {
	if n, err := countStanding(ctx, d.DB, d.At.Name, Impostor); err != nil || n >= maxImpostors {
		return err
	}
	err := d.raise(ctx, Impostor, fmt.Sprintf("%s %.80q %.64q", d.Own.Server, id, key), fmt.Errorf("entry %d of the log of servers shows a key %.80q of this server that it never had", r.Position, id), jsontext.Value(r.JSON))
	if _, alarm := err.(*Alarm); alarm {
		return nil
	}
	return err
}
