package keydirectory

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/keys/proof"
)

// ServerKeys is a key document of a server that the directory has proven.
type ServerKeys struct {
	proof.ServerKeys
	// Proven is the document with the proof in unsigned."im.signet.keys".log_proof, and with nothing
	// else that the directory has said.
	Proven jsontext.Value
}

// ServerKeys asks the directory, as a notary, for the key documents of a server. Each is proven to
// stand in the log of servers; those that the directory holds back are left out. That the server
// has signed them is for the caller to verify. Errors: *Alarm, ErrNoDirectory, and those of
// fedclient and proof.ErrUnread where the identity server does not answer.
func (d *Directory) ServerKeys(ctx context.Context, q idclient.KeyQuery) ([]ServerKeys, error) {
	late, err := d.standing(ctx, Servers)
	if err == nil && late { // a record's proof has no time: the log has to go on first
		err = d.watch(ctx, Servers)
	}
	if err != nil {
		return nil, err
	}
	answers, err := d.Asker.QueryServerKeys(ctx, d.At, q)
	if err != nil {
		return nil, err
	}
	var proven []ServerKeys
	for _, answer := range answers {
		k, err := d.serverKeys(ctx, q.Server, answer)
		if err != nil {
			return nil, err
		}
		if !k.HeldUntil.After(d.Now()) {
			proven = append(proven, k)
		}
	}
	return proven, nil
}

// serverKeys verifies one document, and keeps it for others.
func (d *Directory) serverKeys(ctx context.Context, server matrix.ServerName, answer jsontext.Value) (ServerKeys, error) {
	var k ServerKeys
	err := d.provenBy(ctx, Servers, server.String(), answer, func(p proof.Policy, seen proof.Seen) (head tlog.Tree, err error) {
		k.ServerKeys, err = proof.VerifyServerKeys(answer, server, p, seen)
		return k.Head, err
	})
	if err != nil {
		return ServerKeys{}, err
	}
	if k.HeldUntil.After(d.Now()) {
		return k, nil
	}
	if k.Proven, err = withProof(k.ServerKeys); err != nil {
		return ServerKeys{}, fmt.Errorf("writing the keys of a server: %w", err)
	}
	if err := upsertDocument(ctx, d.DB, d.serversOrigin(), server, k, d.Now()); err != nil {
		return ServerKeys{}, fmt.Errorf("keeping the keys of a server: %w", err)
	}
	return k, nil
}

func withProof(k proof.ServerKeys) (jsontext.Value, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(k.Document, &members); err != nil {
		return nil, err
	}
	unsigned, err := json.Marshal(map[string]any{"im.signet.keys": map[string]string{"log_proof": k.LogProof}})
	if err != nil {
		return nil, err
	}
	members["unsigned"] = unsigned
	return json.Marshal(members, json.Deterministic(true))
}

func (d *Directory) serversOrigin() string { return d.At.Name.String() + "/servers" }

// provenBy verifies something of a log against the trust root and what was seen of it last, and
// remembers how far it was seen to go. What does not hold is an Alarm.
func (d *Directory) provenBy(ctx context.Context, log Kind, subject string, answer []byte, verify func(proof.Policy, proof.Seen) (tlog.Tree, error)) error {
	refreshed := false
	for range maxTries {
		again, err := d.provenOnce(ctx, log, verify)
		if errors.Is(err, proof.ErrLogKey) && !refreshed { // the log may have another key since
			refreshed = true
			if err := d.Refresh(ctx); err != nil {
				return err
			}
			continue
		}
		if notProven(err) {
			return d.raise(ctx, log, subject, err, answer)
		}
		if err != nil || !again {
			return err
		}
	}
	return ErrBusy
}

func (d *Directory) provenOnce(ctx context.Context, log Kind, verify func(proof.Policy, proof.Seen) (tlog.Tree, error)) (again bool, err error) {
	root, err := d.root(ctx)
	if err != nil {
		return false, err
	}
	policy, err := policyOf(root, log)
	if err != nil {
		return false, err
	}
	head, err := selectHead(ctx, d.DB, policy.Origin)
	if err != nil {
		return false, fmt.Errorf("reading the head of the log: %w", err)
	}
	tree, err := verify(policy, proof.Seen{Head: head, Tiles: tiles{ctx, d, log}})
	if err != nil {
		return false, err
	}
	return d.advance(ctx, policy.Origin, head, tree)
}

// policyOf is by what a log is believed.
func policyOf(root proof.Config, log Kind) (proof.Policy, error) {
	if log == Users {
		return root.Policy()
	}
	if root.Servers.Origin == "" {
		return proof.Policy{}, fmt.Errorf("%w of servers", ErrNoDirectory)
	}
	return root.ServersPolicy()
}

// advance keeps how far a log was seen to go, unless somebody else has seen it go on from where
// this began.
func (d *Directory) advance(ctx context.Context, origin string, from *tlog.Tree, tree tlog.Tree) (moved bool, err error) {
	if from != nil && tree.N <= from.N {
		return false, nil
	}
	err = d.DB.Tx(ctx, func(tx *store.Tx) error {
		head, err := selectHead(ctx, tx, origin)
		if err != nil {
			return err
		}
		if moved = !same(head, from) && !same(head, &tree); moved {
			return nil
		}
		return upsertHead(ctx, tx, origin, tree)
	})
	if err != nil {
		return false, fmt.Errorf("keeping the head of the log: %w", err)
	}
	return moved, nil
}

// tiles reads a log of the directory.
type tiles struct {
	ctx context.Context
	d   *Directory
	log Kind
}

// Tile is proof.Tiles'. In the place of a partial tile the full one may be there.
func (t tiles) Tile(path string) ([]byte, error) {
	b, err := t.d.Asker.KeyLogTile(t.ctx, t.d.At, string(t.log), path)
	full, _, partial := strings.Cut(path, ".p/")
	if partial && missing(err) {
		b, err = t.d.Asker.KeyLogTile(t.ctx, t.d.At, string(t.log), full)
	}
	if missing(err) {
		err = fmt.Errorf("%w: %w", proof.ErrMissing, err)
	}
	return b, err
}

// missing tells whether the log itself says that it has no such tile.
func missing(err error) bool {
	refusal, is := errors.AsType[fedclient.Refusal](err)
	return is && refusal.Status == http.StatusNotFound && refusal.Errcode == matrix.NotFound
}

// Vouched is what a notary of this homeserver answers for the directory: the key documents of a
// server that it has proven, nil where it knows none or does not answer. The error is an *Alarm:
// then nobody else is to be asked in its stead.
func (d *Directory) Vouched(ctx context.Context, server matrix.ServerName, id matrix.KeyID, at time.Time) ([]jsontext.Value, error) {
	if server == d.At.Name {
		return nil, nil // its own keys are not in its log
	}
	proven, err := d.ServerKeys(ctx, idclient.KeyQuery{Server: server, ID: id, Until: at})
	if _, alarm := errors.AsType[*Alarm](err); alarm {
		return nil, err
	}
	if err != nil {
		d.Log.DebugContext(ctx, "the key directory was not asked for the keys of a server", "error", err)
		return nil, nil
	}
	documents := make([]jsontext.Value, len(proven))
	for i, k := range proven {
		documents[i] = k.Proven
	}
	return documents, nil
}

// Proven is the newest key document of a server that was proven here, with its proof; nil where none was, and while an alarm stands.
func (d *Directory) Proven(ctx context.Context, server matrix.ServerName) (jsontext.Value, error) {
	late, err := d.standing(ctx, Servers)
	if _, alarm := errors.AsType[*Alarm](err); alarm || late {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	document, err := selectDocument(ctx, d.DB, d.serversOrigin(), server)
	if err != nil {
		return nil, fmt.Errorf("reading the proven keys of a server: %w", err)
	}
	return document, nil
}

// keptFor is how long a proven document is kept after it was proven last.
const keptFor = 90 * 24 * time.Hour

// Sweep forgets documents that were proven long ago, and the versions of people who were looked up
// long ago.
func (d *Directory) Sweep(ctx context.Context) error {
	if err := deleteDocuments(ctx, d.DB, d.Now().Add(-keptFor)); err != nil {
		return err
	}
	return deleteVersions(ctx, d.DB, d.Now().Add(-4*keptFor))
}

// Watch sees that both logs go on from what was seen of them.
func (d *Directory) Watch(ctx context.Context) error {
	root, err := d.root(ctx)
	if err != nil {
		return err
	}
	err = d.watch(ctx, Users)
	if root.Servers.Origin != "" {
		err = errors.Join(err, d.watch(ctx, Servers))
	}
	return err
}

func (d *Directory) watch(ctx context.Context, log Kind) error {
	if err := d.stopped(ctx, log); err != nil {
		return err
	}
	checkpoint, err := d.Asker.KeyLogCheckpoint(ctx, d.At, string(log))
	if err != nil {
		return err
	}
	err = d.provenBy(ctx, log, "the whole log", checkpoint, func(p proof.Policy, seen proof.Seen) (tlog.Tree, error) {
		newest, err := proof.VerifyNewest(checkpoint, p, seen, d.Now())
		return newest.Head, err
	})
	if err != nil {
		return err
	}
	return d.onTime(ctx, d.DB, log)
}
