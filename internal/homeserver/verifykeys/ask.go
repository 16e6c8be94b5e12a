package verifykeys

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/internal/serverkeys"
	"signet/internal/store"
)

// askLife is how long one question takes, with all who are asked.
const askLife = 40 * time.Second

// ask asks the server, and where that does not give the key, notaries. The question goes on
// when one who waits for it leaves.
func (k *Keys) ask(ctx context.Context, n name, at time.Time) (ed25519.PublicKey, error) {
	shared := k.flight.DoChan(n.server.String()+" "+string(n.id)+" "+strconv.FormatInt(store.Millis(at), 10), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askLife)
		defer cancel()
		return k.askNow(ctx, n, at)
	})
	select {
	case result := <-shared:
		public, _ := result.Val.(ed25519.PublicKey)
		return public, result.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (k *Keys) askNow(ctx context.Context, n name, at time.Time) (ed25519.PublicKey, error) {
	// It may have become known since the caller looked: then somebody else has asked.
	found, err := k.recall(ctx, n)
	if err != nil || found.validAt(at, k.Now()) {
		return found.public, err
	}
	found, why := k.direct(ctx, n)
	if found.validAt(at, k.Now()) {
		return found.public, nil
	}
	if found, err := k.throughNotaries(ctx, n, at); err != nil || found.validAt(at, k.Now()) {
		return found.public, err
	}
	if why == nil {
		why = ErrUnknownKey
	}
	return nil, fmt.Errorf("key %s of %q: %w", n.id, n.server, why)
}

// direct asks the server itself. The error is why it could not be asked; what was known
// before is returned all the same.
func (k *Keys) direct(ctx context.Context, n name) (key, error) {
	published, why := k.Direct.FreshKeys(ctx, n.server)
	if why == nil {
		keys := map[matrix.KeyID]key{}
		for id, old := range published.Old {
			keys[id] = key{public: old.Key, expired: old.Expired}
		}
		for id, public := range published.Verify {
			keys[id] = key{public: public, until: k.capped(published.ValidUntil)}
		}
		if err := k.keep(ctx, n.server, keys, replaced); err != nil {
			return key{}, err
		}
	}
	found, err := k.recall(ctx, n)
	return found, errors.Join(why, err)
}

func (k *Keys) capped(until time.Time) time.Time {
	if latest := k.Now().Add(farthest); until.After(latest) {
		return latest
	}
	return until
}

// throughNotaries asks one notary after the other until the key is there. Whoever asks for
// keys that nobody has is not asked for in turn for a while.
func (k *Keys) throughNotaries(ctx context.Context, n name, at time.Time) (key, error) {
	if k.failed.waits(n, k.Now()) {
		return key{}, nil
	}
	wanted := at
	if at.IsZero() {
		wanted = k.Now()
	}
	if found, err := k.throughDirectory(ctx, n, wanted); err != nil || found.validAt(at, k.Now()) {
		return found, err
	}
	for _, notary := range k.Trusted {
		if notary == n.server || notary == k.ServerName {
			continue
		}
		documents, err := k.Notaries.KeysFromNotary(ctx, notary, n.server, n.id, wanted)
		if err != nil {
			continue
		}
		if err := k.take(ctx, notary, n.server, documents); err != nil {
			return key{}, err
		}
		if found, err := k.recall(ctx, n); err != nil || found.validAt(at, k.Now()) {
			return found, err
		}
	}
	k.failed.add(n, k.Now())
	return key{}, nil
}

// throughDirectory asks the key directory, whose proofs stand in for its signature. What it has
// shown that does not hold is the error.
func (k *Keys) throughDirectory(ctx context.Context, n name, wanted time.Time) (key, error) {
	if k.Directory == nil {
		return key{}, nil
	}
	documents, err := k.Directory.Vouched(ctx, n.server, n.id, wanted)
	if err != nil {
		return key{}, err
	}
	for _, text := range documents {
		if err := k.believe(ctx, n.server, text); err != nil {
			return key{}, err
		}
	}
	return k.recall(ctx, n)
}

// take keeps what documents prove that the notary has signed too.
func (k *Keys) take(ctx context.Context, notary, server matrix.ServerName, documents []jsontext.Value) error {
	for _, text := range documents {
		if !k.signedBy(ctx, notary, text) {
			continue
		}
		if err := k.believe(ctx, server, text); err != nil {
			return err
		}
	}
	return nil
}

// believe keeps what a document proves by the signatures of its server, for which somebody vouches.
func (k *Keys) believe(ctx context.Context, server matrix.ServerName, document jsontext.Value) error {
	d, err := serverkeys.Parse(server, document)
	if err != nil {
		return nil // it proves nothing
	}
	keys := map[matrix.KeyID]key{}
	for id, old := range d.Old {
		keys[id] = key{public: old.Key, expired: old.Expired}
	}
	for id, public := range d.Verify {
		keys[id] = key{public: public, until: k.capped(d.ValidUntil)}
	}
	return k.keep(ctx, server, keys, added)
}

// maxSignatures is how many signatures of a notary are tried.
const maxSignatures = 4

// signedBy tells whether a notary has signed a document with a key of its own, as it says
// itself: no notary vouches for one.
func (k *Keys) signedBy(ctx context.Context, notary matrix.ServerName, document jsontext.Value) bool {
	var proof struct {
		Signatures map[matrix.ServerName]map[matrix.KeyID]string `json:"signatures"`
	}
	if json.Unmarshal(document, &proof) != nil {
		return false
	}
	ids := slices.Sorted(maps.Keys(proof.Signatures[notary]))
	for _, id := range ids[:min(len(ids), maxSignatures)] {
		if _, ok := matrix.ParseKeyID(string(id)); !ok {
			continue
		}
		found, err := k.recall(ctx, name{notary, id})
		if err != nil || !found.validAt(time.Time{}, k.Now()) {
			found, _ = k.direct(ctx, name{notary, id})
		}
		if found.validAt(time.Time{}, k.Now()) && matrix.Verify(notary, id, found.public, document) == nil {
			return true
		}
	}
	return false
}

// merge says what becomes of a key that was known and is heard of once more.
type merge func(was, heard key) key

// replaced believes the server about itself. That a key which is old now was valid until a
// time remains known.
func replaced(was, heard key) key {
	if was.public.Equal(heard.public) && was.until.After(heard.until) {
		heard.until = was.until
	}
	return heard
}

// added believes a notary as far as it contradicts nothing: its document may be older than
// what is known.
func added(was, heard key) key {
	if !was.public.Equal(heard.public) {
		return was
	}
	if heard.until.After(was.until) {
		was.until = heard.until
	}
	if was.expired.IsZero() {
		was.expired = heard.expired
	}
	return was
}

// keep stores what is new of a server's keys.
func (k *Keys) keep(ctx context.Context, server matrix.ServerName, heard map[matrix.KeyID]key, m merge) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, h := range heard {
		n := name{server, id}
		was, err := k.recall(ctx, n)
		if err != nil {
			return err
		}
		now := h
		if was.public != nil {
			now = m(was, h)
		}
		if now.equal(was) {
			continue
		}
		if err := putKey(ctx, k.DB, n, now); err != nil {
			return fmt.Errorf("keeping a server's key: %w", err)
		}
		k.memory.put(n, now)
	}
	return nil
}

func (k key) equal(other key) bool {
	return k.public.Equal(other.public) && store.Millis(k.until) == store.Millis(other.until) && store.Millis(k.expired) == store.Millis(other.expired)
}
